//! What `roam-mcp stdio` costs, against a stand-in for Roam Desktop: `bench_stdio --program PATH [--write DOCUMENT]`.
//!
//! Everything runs as a user's client runs it: processes and pipes, and the stand-in on a port of loopback.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for the terminal that may stop at any trouble"
)]

#[path = "support/figures.rs"]
mod figures;
#[path = "support/stdio.rs"]
mod stdio;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Parser;
use figures::Figures;
use roam_mcp::graph::{Connected, Desktop, DesktopSettings, Launch};
use roam_mcp::mcp;
use serde_json::json;
use stdio::{Home, Server, StandIn, initialize};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

const STARTS: usize = 40;
const CALLS: usize = 2_000;
const LISTS: usize = 500;

/// What is measured, and where it is written.
#[derive(Parser)]
struct Args {
    /// The roam-mcp to measure
    #[arg(long)]
    program: PathBuf,
    /// The document whose section `figures of stdio` is replaced
    #[arg(long)]
    write: Option<String>,
}

fn main() {
    let args = Args::parse();
    let home = Home::new();
    let stand_in = StandIn::start(&args.program, &home);
    let mut figures = Figures::of("figures of stdio");

    let start = median((0..STARTS).map(|_| start_to_answer(&args.program, &home)).collect());
    below(&mut figures, "from `exec` to the answer to `initialize`, p50", start, Duration::from_millis(30));

    let mut server = Server::start(&args.program, &home);
    server.ask(&initialize());
    let (through, direct) = searches(&mut server, stand_in);
    let what = format!(
        "`search` through stdio less the same call to the stand-in itself ({:.3} − {:.3} ms), p50",
        millis(through),
        millis(direct)
    );
    below(&mut figures, &what, through.saturating_sub(direct), Duration::from_micros(500));

    let memory = server.resident_mib();
    let what = format!("resident memory of `roam-mcp stdio` after {CALLS} calls");
    figures.row(&what, &format!("{memory:.1} MiB"), "≤ 25 MiB", memory <= 25.0);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tools, listed) = runtime.block_on(lists(&home));
    below(&mut figures, &format!("`tools/list` of {tools} tools, in process, p50"), listed, Duration::from_millis(1));
    figures.write(args.write.as_deref()).unwrap();
}

/// A row about a time that has a bar.
fn below(figures: &mut Figures, what: &str, measured: Duration, bar: Duration) {
    let bar_text = format!("≤ {} ms", millis(bar));
    figures.row(what, &format!("{:.3} ms", millis(measured)), &bar_text, measured <= bar);
}

fn start_to_answer(program: &Path, home: &Home) -> Duration {
    let start = Instant::now();
    let mut server = Server::start(program, home);
    let answer = server.ask(&initialize());
    let took = start.elapsed();
    assert!(answer.contains("serverInfo"), "{answer}");
    took
}

/// The time until a search through the program is answered, and what it asks the stand-in. They take turns, so that whatever
/// else the machine does falls on both.
fn searches(server: &mut Server, mut stand_in: StandIn) -> (Duration, Duration) {
    let (mut through, mut direct) = (Vec::new(), Vec::new());
    for round in 0..CALLS + CALLS / 10 {
        let params = json!({ "name": "search", "arguments": { "query": "soil" } });
        let start = Instant::now();
        let answer = server.ask(&json!({ "jsonrpc": "2.0", "id": round, "method": "tools/call", "params": params }));
        let first = start.elapsed();
        let start = Instant::now();
        let found = stand_in.search();
        let second = start.elapsed();
        assert!(answer.contains("structuredContent") && found.starts_with(b"{\"success\":true"), "{answer}");
        // The first tenth finds caches cold.
        if round >= CALLS / 10 {
            through.push(first);
            direct.push(second);
        }
    }
    (median(through), median(direct))
}

/// How many tools there are, and the time of listing them.
async fn lists(home: &Home) -> (usize, Duration) {
    let settings =
        DesktopSettings { port_file: home.port_file(), deadline: Duration::from_secs(9), launch: Launch::never() };
    let graphs = Connected::new(home.tools_file(), Desktop::new(settings)).into();
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (input, output) = tokio::io::split(theirs);
    let served = tokio::spawn(mcp::stdio::serve(graphs, input, output));
    let (output, mut input) = tokio::io::split(ours);
    let mut lines = BufReader::new(output).lines();
    let hello = format!("{}\n{}\n", initialize(), json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
    input.write_all(hello.as_bytes()).await.unwrap();
    lines.next_line().await.unwrap().unwrap();
    let (mut times, mut tools) = (Vec::new(), 0);
    for id in 0..LISTS {
        let request = format!("{}\n", json!({ "jsonrpc": "2.0", "id": id, "method": "tools/list" }));
        let start = Instant::now();
        input.write_all(request.as_bytes()).await.unwrap();
        let line = lines.next_line().await.unwrap().unwrap();
        times.push(start.elapsed());
        let answer: serde_json::Value = serde_json::from_str(&line).unwrap();
        tools = answer["result"]["tools"].as_array().unwrap().len();
    }
    input.shutdown().await.unwrap();
    served.await.unwrap().unwrap();
    (tools, median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
