//! Measures the embedded graph on a generated one: `bench_graph [BLOCKS] [PAGES] [DIRECTORY] [DOCUMENT]`.
//!
//! The same numbers make the same graph, in a directory that may be `-` for one that is gone afterwards. Import and
//! serving run in processes of their own, so that each shows its own memory. With a document, the figures are written
//! into it, too.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for the terminal that may stop at any trouble"
)]

#[path = "support/figures.rs"]
mod figures;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use figures::Figures;
use roam_mcp::access::{Caller, Level, Operation, Permit, Policy, decide};
use roam_mcp::graph::{Action, Embedded, Existing, Graph};
use serde_json::{Value, json};

const HUB_REFERENCES: u64 = 10_000;
const SEARCHES: usize = 1_000;
/// So many words has a natural vocabulary here. The commonest are in most texts.
const VOCABULARY: u64 = 60_000;

fn main() {
    let mut args = std::env::args().skip(1);
    let mut number = |default: u64| args.next().map_or(default, |text| text.parse().unwrap());
    let (blocks, pages) = (number(200_000), number(10_000));
    let rest: Vec<String> = args.collect();
    match rest.as_slice() {
        [directory, stage] if stage == "import" => import(Path::new(directory)),
        [directory, stage] if stage == "natural" => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
            runtime.block_on(natural(Path::new(directory)));
        }
        [directory, stage] if stage == "serve" => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
            runtime.block_on(serve(Path::new(directory), pages));
        }
        _ => {
            let own = tempfile::tempdir().unwrap();
            let named = rest.first().filter(|directory| *directory != "-");
            let directory = named.map_or(own.path().to_owned(), PathBuf::from);
            generate(&directory.join("graph.json"), blocks, pages, |dice| dice.skewed(20_000));
            let mut figures = Figures::of("figures of the graph");
            for stage in ["import", "serve", "natural"] {
                if stage == "natural" {
                    generate(&directory.join("natural.json"), blocks, pages, |dice| dice.zipf(VOCABULARY));
                }
                let mut command = Command::new(std::env::current_exe().unwrap());
                command.args([blocks.to_string(), pages.to_string()]).arg(&directory).arg(stage);
                let output = command.stderr(Stdio::inherit()).output().unwrap();
                assert!(output.status.success());
                for row in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Row>() {
                    let Row(what, measured, bar, met) = row.unwrap();
                    figures.row(&what, &measured, &bar, met);
                }
            }
            figures.write(rest.get(1).map(String::as_str)).unwrap();
        }
    }
}

/// What, what was measured, the bar, and whether it is met: as one process tells it to the other.
#[derive(serde::Serialize, serde::Deserialize)]
struct Row(String, String, String, bool);

fn row(what: &str, measured: String, bar: &str, met: bool) {
    println!("{}", serde_json::to_string(&Row(what.into(), measured, bar.into(), met)).unwrap());
}

/// Numbers that look random and are the same every time (xorshift, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    /// A number with the chance that Zipf found for words: the second is half as common as the first, the third a third.
    fn zipf(&mut self, sides: u64) -> u64 {
        const PARTS: u64 = 1 << 40;
        let part = self.roll(PARTS) as f64 / PARTS as f64;
        // The harmonic sum up to a number is about its logarithm.
        (((sides as f64).ln() * part).exp() as u64).min(sides) - 1
    }

    /// A number that is small most of the time, as words and links are.
    fn skewed(&mut self, sides: u64) -> u64 {
        let (one, other) = (self.roll(sides), self.roll(sides));
        one * other / sides
    }
}

/// A word by its number, of two or three syllables. With 600 syllables its trigrams are about as many as a language has.
fn word(number: u64) -> String {
    let mut dice = Dice(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    dice.roll(2);
    let mut word = String::new();
    // Some are Chinese, and some have an accent.
    if number % 20 == 7 {
        let signs: Vec<char> =
            "日本語東京都山川田中学生花見春夏秋冬水火木金土人口手足目耳雨雪風空海島".chars().collect();
        word.extend((0..2 + dice.roll(2)).map(|_| signs[dice.roll(signs.len() as u64) as usize]));
        return word;
    }
    let vowels = if number % 20 == 11 { "áèïôu" } else { "aeiou" };
    for _ in 0..2 + dice.roll(2) {
        let mut letter = |from: &str| from.chars().nth(dice.roll(from.chars().count() as u64) as usize);
        word.extend(letter("bcdfghjklmnprstvwxyz"));
        word.extend(letter(vowels));
        word.extend(letter("nrslt ").filter(|c| *c != ' '));
    }
    word
}

fn title(page: u64) -> String {
    match page {
        0 => "Hub".into(),
        1 => "Long page".into(),
        _ => format!("{} {} {page}", word(page % 15_000), word(page * 7 % 15_000)),
    }
}

fn generate(path: &Path, blocks: u64, pages: u64, number: impl Fn(&mut Dice) -> u64) {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut out = BufWriter::new(File::create(path).unwrap());
    let mut uid = 0_u64;
    out.write_all(b"[\n").unwrap();
    for page in 0..pages {
        let count = if page == 1 { 200 } else { blocks * (page + 1) / pages - blocks * page / pages };
        // Groups of a parent with a few children.
        let mut groups: Vec<Value> = Vec::new();
        for at in 0..count {
            uid += 1;
            let mut text: Vec<String> = (0..4 + dice.roll(16)).map(|_| word(number(&mut dice))).collect();
            if dice.roll(5) == 0 {
                text.push(format!("[[{}]]", title(2 + dice.skewed(pages - 2))));
            }
            if uid.is_multiple_of(blocks / HUB_REFERENCES.min(blocks)) {
                text.push("[[Hub]]".into());
            }
            if dice.roll(30) == 0 {
                text.push(format!("((b{:08}))", 1 + dice.roll(uid)));
            }
            let block = json!({ "string": text.join(" "), "uid": format!("b{uid:08}"), "create-time": 1_600_000_000_000 + uid * 1000 });
            match groups.last_mut().filter(|_| at % 5 != 0) {
                None => groups.push(block),
                Some(parent) => match parent["children"].as_array_mut() {
                    Some(children) => children.push(block),
                    None => parent["children"] = json!([block]),
                },
            }
        }
        let page = json!({ "title": title(page), "uid": format!("p{page:08}"), "children": groups, "edit-time": 1_600_000_000_000 + page });
        write!(out, "{}{page}", if uid > count { ",\n" } else { "" }).unwrap();
    }
    out.write_all(b"\n]\n").unwrap();
    out.flush().unwrap();
    println!("generated      {uid} blocks, {pages} pages, {} MiB", path.metadata().unwrap().len() >> 20);
}

fn import(directory: &Path) {
    let (export, database) = (directory.join("graph.json"), directory.join("graph.sqlite"));
    let start = Instant::now();
    let imported = Embedded::import(&export, &database, Existing::Replace, |_| {}).unwrap();
    let seconds = start.elapsed().as_secs_f64();
    let rate = imported.blocks as f64 / seconds;
    let size = database.metadata().unwrap().len() >> 20;
    let busy = cpu().as_secs_f64();
    let measured = format!("{rate:.0} blocks/s ({seconds:.1} s, {busy:.1} s of a processor; {size} MiB)");
    row("import", measured, "≥ 100,000 blocks/s", rate >= 100_000.0);
    let most = memory("VmHWM");
    row("resident memory, import", format!("{most} MiB"), "≤ 300 MiB", most <= 300);
}

async fn serve(directory: &Path, pages: u64) {
    let start = Instant::now();
    let store = Embedded::open(&directory.join("graph.sqlite")).unwrap();
    let open = milliseconds(start.elapsed());
    row("open", format!("{open:.1} ms"), "≤ 50 ms", open <= 50.0);
    let bench = Bench::new(store);

    let arguments = queries().into_iter().map(|query| vec![json!({ "query": query, "limit": 20 })]);
    let spread = measure(&bench, Action::Search, arguments).await;
    row("search, two words", spread.show(), "p50 ≤ 3 ms, p99 ≤ 20 ms", spread.p50 <= 3.0 && spread.p99 <= 20.0);
    let long = (0..500).map(|_| vec![json!({ "title": "Long page" })]);
    let spread = measure(&bench, Action::GetPage, long).await;
    row("a page of 200 blocks", spread.show(), "p99 ≤ 3 ms", spread.p99 <= 3.0);
    let hub = (0..100).map(|_| vec![json!({ "title": "Hub" })]);
    let spread = measure(&bench, Action::GetBacklinks, hub).await;
    row(&format!("backlinks, {HUB_REFERENCES} references"), spread.show(), "p99 ≤ 20 ms", spread.p99 <= 20.0);
    let join = "[:find ?uid :in $ ?title :where [?b :block/refs ?p] [?b :block/uid ?uid] [?p :node/title ?title]]";
    let titles = (0..500).map(|page| vec![json!(join), json!(title(2 + page * 13 % (pages - 2)))]);
    let spread = measure(&bench, Action::Query, titles).await;
    row("Datalog, join", spread.show(), "p99 ≤ 20 ms", spread.p99 <= 20.0);
    let entries = (0..300)
        .map(|n| vec![json!({ "location": { "page-title": "Log" }, "markdown-string": format!("entry {n} [[Hub]]") })]);
    let spread = measure(&bench, Action::BlockFromMarkdown, entries).await;
    row("create_block, durable", spread.show(), "p50 ≤ 5 ms", spread.p50 <= 5.0);
    let many: String = (0..5_000).map(|n| format!("- item {n} {} [[Hub]]\n", word(n))).collect();
    let argument = json!({ "location": { "page-title": "Batch" }, "markdown-string": many });
    let rate = 5_000.0 / bench.time(Action::BlockFromMarkdown, vec![argument]).await.as_secs_f64();
    row("create_block, 5,000 in one call", format!("{rate:.0}/s"), "≥ 2,000/s", rate >= 2_000.0);
    let most = memory("VmHWM");
    row("resident memory, serving", format!("{most} MiB at most"), "≤ 150 MiB", most <= 150);
}

/// Searches in a graph whose words are as common as those of a language, for words as they come in its texts.
async fn natural(directory: &Path) {
    let (export, database) = (directory.join("natural.json"), directory.join("natural.sqlite"));
    Embedded::import(&export, &database, Existing::Replace, |_| {}).unwrap();
    let bench = Bench::new(Embedded::open(&database).unwrap());
    let mut dice = Dice(42);
    let queries = (0..SEARCHES).map(|_| format!("{} {}", word(dice.zipf(VOCABULARY)), word(dice.zipf(VOCABULARY))));
    let arguments: Vec<_> = queries.map(|query| vec![json!({ "query": query, "limit": 20 })]).collect();
    let spread = measure(&bench, Action::Search, arguments.into_iter()).await;
    let met = spread.p50 <= 3.0 && spread.p99 <= 20.0;
    row("search, two words of a natural vocabulary", spread.show(), "p50 ≤ 3 ms, p99 ≤ 20 ms", met);
    let common = (0..20).map(|n| vec![json!({ "query": format!("{} {}", word(n % 5), word(n % 7)), "limit": 20 })]);
    let spread = measure(&bench, Action::Search, common).await;
    row("the commonest of them", spread.show(), "p99 ≤ 20 ms", spread.p99 <= 20.0);
}

/// Two words each: as they are, without an accent, or without their first or last letters.
fn queries() -> Vec<String> {
    let mut dice = Dice(42);
    let mut some = || {
        let word = word(dice.skewed(20_000));
        let from = dice.roll(2) as usize;
        match dice.roll(3) {
            0 if word.is_ascii() && word.len() > 4 => word[from..word.len() - 1].to_owned(),
            1 => word.replace('á', "a").replace('è', "e").replace('ï', "i").replace('ô', "o").to_uppercase(),
            _ => word,
        }
    };
    let mut queries = Vec::new();
    while queries.len() < SEARCHES {
        let query = format!("{} {}", some(), some());
        if !queries.contains(&query) {
            queries.push(query);
        }
    }
    queries
}

struct Bench {
    graph: Graph,
    permit: Permit,
}

impl Bench {
    fn new(store: Embedded) -> Self {
        let graph = Graph::embedded("graph", "graph", Level::Full, store);
        let operation = Operation { tool: "bench", needs: Level::Full, graph: Some("graph") };
        let permit = decide(&Policy::default(), &Caller::Admin, &operation).unwrap();
        Self { graph, permit }
    }

    async fn time(&self, action: Action, arguments: Vec<Value>) -> Duration {
        let start = Instant::now();
        self.graph.invoke(&self.permit, action, arguments).await.unwrap();
        start.elapsed()
    }
}

/// Times in milliseconds.
struct Spread {
    p50: f64,
    p99: f64,
    worst: f64,
    /// Of a processor, on average.
    busy: f64,
}

impl Spread {
    fn show(&self) -> String {
        let Self { p50, p99, worst, busy } = self;
        format!("p50 {p50:.2} ms, p99 {p99:.2} ms, worst {worst:.1} ms; {busy:.2} ms of a processor")
    }
}

/// Runs the same action with many arguments.
async fn measure(bench: &Bench, action: Action, arguments: impl Iterator<Item = Vec<Value>>) -> Spread {
    let before = cpu();
    let mut times = Vec::new();
    for argument in arguments {
        times.push(bench.time(action, argument).await);
    }
    let busy = milliseconds(cpu() - before) / times.len() as f64;
    times.sort_unstable();
    let at = |part: usize| milliseconds(times[(times.len() - 1) * part / 100]);
    Spread { p50: at(50), p99: at(99), worst: at(100), busy }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The time that processors have worked for this process: what is left of a measurement on a machine that is shared.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    // Fields 14 and 15, in hundredths of a second.
    Duration::from_millis(fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10)
}

/// A line of `/proc/self/status`, in MiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let kilobytes: String = line.chars().filter(char::is_ascii_digit).collect();
    kilobytes.parse::<u64>().unwrap_or(0) / 1024
}
