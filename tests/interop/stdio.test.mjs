// roam-mcp over standard input and output, started as a user's client starts it, by the TypeScript SDK's client. That
// client checks every structured result against the output schema of its tool.
//
//   npm ci && ROAM_MCP=../../target/debug/roam-mcp npm test

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, test } from "node:test";

import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

// Without a binary there is nothing to test, and that is a failure.
assert.ok(process.env.ROAM_MCP, "ROAM_MCP names the roam-mcp to test");
const command = resolve(process.env.ROAM_MCP);
const home = mkdtempSync(join(tmpdir(), "roam-mcp-interop-"));
const graph = resolve(import.meta.dirname, "../../docs/garden.json");
const env = { HOME: home, PATH: process.env.PATH, ROAM_MCP_STATE_DIR: join(home, "state") };
after(() => rmSync(home, { recursive: true }));

async function connected(args, mode, more = {}) {
  const client = new Client({ name: "interop", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(new StdioClientTransport({ command, args, env: { ...env, ...more } }));
  return client;
}

for (const [mode, version] of [["legacy", "2025-11-25"], ["auto", "2026-07-28"], [{ pin: "2026-07-28" }, "2026-07-28"]]) {
  test(`a client that negotiates ${JSON.stringify(mode)} lists, writes, reads and finds`, async () => {
    const client = await connected(["stdio", "--graph", graph], mode);
    assert.equal(client.getNegotiatedProtocolVersion(), version);
    assert.match(client.getInstructions(), /get_graph_guidelines/);

    const { tools } = await client.listTools();
    assert.equal(tools[0].name, "list_graphs");
    assert.ok(tools.every((tool) => tool.title && tool.annotations && tool.inputSchema.type === "object"));

    const pageTitle = `Interop ${version} ${JSON.stringify(mode)}`;
    const made = await client.callTool({ name: "create_block", arguments: { pageTitle, markdown: "- one\n- two" } });
    assert.equal(made.structuredContent.uids.length, 2);
    const page = await client.callTool({ name: "get_page", arguments: { title: pageTitle } });
    assert.match(page.content[0].text, /- one/);

    const found = await client.callTool({ name: "search", arguments: { query: "garden", limit: 3 } });
    const [{ id, title, url }] = found.structuredContent.results;
    assert.deepEqual(JSON.parse(found.content[0].text), found.structuredContent);
    const fetched = await client.callTool({ name: "fetch", arguments: { id } });
    assert.deepEqual([fetched.structuredContent.id, fetched.structuredContent.url], [id, url]);
    assert.ok(title.length > 0 && URL.canParse(url));
    await client.close();
  });
}

test("bare roam-mcp serves the program that started it, and a failure of a tool is a result", async () => {
  const client = await connected([], "legacy", { ROAM_MCP_GRAPH: graph });
  const missing = await client.callTool({ name: "get_block", arguments: {} });
  assert.ok(missing.isError && missing.content[0].text.startsWith("Invalid arguments"));
  await assert.rejects(client.callTool({ name: "no_such_tool", arguments: {} }), /Unknown tool/);
  await client.close();
});

test("without any graph it starts all the same and says what to do", async () => {
  const client = await connected(["stdio", "--no-launch"], "auto");
  const listed = await client.callTool({ name: "list_graphs", arguments: {} });
  assert.deepEqual(JSON.parse(listed.content[0].text).graphs, []);
  const page = await client.callTool({ name: "get_page", arguments: { title: "x" } });
  assert.ok(page.isError && /connect/.test(page.content[0].text), page.content[0].text);
  await client.close();
});

test("standard output carries the protocol and nothing else, and the end of the input is the end", async () => {
  const server = spawn(command, ["stdio", "--graph", graph], { env });
  const params = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "interop", version: "1" } };
  server.stdin.end(
    [
      { jsonrpc: "2.0", id: 0, method: "initialize", params },
      { jsonrpc: "2.0", method: "notifications/initialized" },
      "not JSON",
      { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "search", arguments: { query: "soil" } } },
    ].map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""),
  );
  const text = (await server.stdout.toArray()).join("");
  const code = await new Promise((resolve) => (server.exitCode === null ? server.on("exit", resolve) : resolve(server.exitCode)));
  const lines = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  const answered = lines.filter((line) => line.id !== null).map((line) => line.id);
  assert.deepEqual([answered, code], [[0, 1], 0]);
  // What could not be read is answered, too, whenever that is.
  assert.deepEqual(lines.filter((line) => line.id === null).map((line) => line.error.code), [-32700]);
});
