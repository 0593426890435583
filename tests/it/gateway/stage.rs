//! A site with tools and one without, an adapter before each, and a gateway before both, with a channel of each kind.

use std::{
    collections::BTreeMap,
    path::Path as File,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use serde_json::{Value, json};
use support::{
    new_api::{Console, NewApi, Real, Relaying, brought},
    world::{SHARED_SECRET, World, WorldBuilder},
};
use tokio::time::Instant;

use super::{
    cells::{CellApi, GatewayCell, PATHS, Path, Tools},
    table::CellTable,
    words::{CellOutcome, Word, word},
};
use crate::chat::SITE_FILE;

/// What a channel passes on of a client's headers.
const PASSED: [&str; 4] =
    ["Anthropic-Version", "X-Session-Affinity", "X-Claude-Code-Session-Id", "Session-Id"];
/// Cells at once. Most wait most of the time; more of them would take the deadlines from one another on two cores.
const AT_ONCE: usize = 48;
/// No cell takes longer, in the middle of the others.
const LIMIT: Duration = Duration::from_secs(100);

/// The gateway's shortest ping is a second. Thousands of cells on two cores are late now and then, and an answer that
/// comes at once must not be later than a stream begins: they have twice the time.
pub(super) fn pace() -> u32 {
    if brought().is_some() { 2 } else { 1 }
}

/// What the adapter is told: a stream is begun before the gateway's ping.
fn adapter() -> [(&'static str, Duration); 2] {
    let begin_after = Duration::from_millis(500);
    let queue = Duration::from_millis(400);
    [("LATCHKEY_BEGIN_AFTER", pace() * begin_after), ("LATCHKEY_QUEUE_DEADLINE", pace() * queue)]
}

/// Everything that cells need.
pub(super) struct GatewayStage {
    pub(super) name: &'static str,
    worlds: [(&'static str, World); 2],
    gateway: Relaying,
    cells: Cells,
}

/// The cells on their way, by their marks, and how often the site saw them.
type Cells = Arc<Mutex<BTreeMap<String, (GatewayCell, Arc<AtomicUsize>)>>>;

impl GatewayStage {
    pub(super) async fn stand_in() -> Self {
        Self::start("the stand-in", Relaying::StandIn(NewApi::start().await)).await
    }

    pub(super) async fn real(binary: &File) -> Self {
        Self::start("the real one", Relaying::Real(Box::new(Real::start(binary).await))).await
    }

    async fn start(name: &'static str, gateway: Relaying) -> Self {
        let cells = Cells::default();
        let console = gateway.console();
        let worlds = [("native", world(true).await), ("written", world(false).await)];
        for (site, world) in &worlds {
            let marked = Arc::clone(&cells);
            world.practice.model().always_with(move |request| {
                let (cell, seen) = find(&marked, request);
                cell.fault.reply(cell, request, seen.fetch_add(1, Ordering::SeqCst) > 0)
            });
            let url = world.adapters[0].url.as_str().trim_end_matches('/');
            let channels: BTreeMap<String, Path> = PATHS.map(|path| (model(path, site), path)).into();
            for (model, path) in channels {
                console.add(&channel(path.kind, &model, &format!("{url}{}", path.below))).await;
            }
        }
        Self { name, worlds, gateway, cells }
    }

    /// Runs cells, those of the same settings at once.
    pub(super) async fn run(&self, cells: &[GatewayCell]) -> CellTable {
        let console = self.gateway.console();
        let mut groups: BTreeMap<(usize, bool), Vec<GatewayCell>> = BTreeMap::new();
        for cell in cells {
            groups.entry((cell.retries, cell.pings)).or_default().push(*cell);
        }
        console.set("general_setting.ping_interval_seconds", &pace().to_string()).await;
        let mut table = CellTable::default();
        for ((retries, pings), group) in groups {
            let begun = Instant::now();
            console.set("RetryTimes", &retries.to_string()).await;
            console.set("general_setting.ping_interval_enabled", if pings { "true" } else { "false" }).await;
            let running = stream::iter(group).map(|cell| self.cell(&console, cell)).buffer_unordered(AT_ONCE);
            let part = CellTable(running.collect().await);
            let cells = part.len();
            let took = begun.elapsed().as_secs();
            super::print(&format!(
                "{}, RetryTimes {retries}, pings {pings}: {cells} cells in {took} s: {}",
                self.name,
                part.total()
            ));
            table.0.extend(part.0);
        }
        for (_, world) in &self.worlds {
            world.practice.model().reset();
        }
        table
    }

    async fn cell(&self, console: &Console, cell: GatewayCell) -> (GatewayCell, CellOutcome) {
        let seen = Arc::new(AtomicUsize::new(0));
        let mark = {
            let mut cells = self.cells.lock().unwrap();
            let mark = format!("cell {:05}.", cells.len());
            cells.insert(mark.clone(), (cell, Arc::clone(&seen)));
            mark
        };
        let site = if cell.tools == Tools::Emulated { "written" } else { "native" };
        let body = question(cell, &model(cell.path, site), &mark);
        let answering = tokio::time::timeout(LIMIT, async {
            let mut asking = console.asks(cell.path.wire.path(), &body).timeout(2 * LIMIT);
            if cell.path.wire == CellApi::Messages {
                // Every client of Anthropic's sends it, and the channels pass it on.
                asking = asking.header("anthropic-version", "2023-06-01");
            }
            let answer = asking.send().await.unwrap();
            let status = answer.status().as_u16();
            (status, read(answer).await)
        });
        let answer = answering.await.ok();
        let asked = seen.load(Ordering::SeqCst);
        // The gateway's own failure, or one on the way to the adapter: nobody else tells of it.
        if let Some((status, body)) = answer.as_ref().filter(|(status, _)| asked == 0 && 500 <= *status) {
            super::print(&format!("{}: {cell}: {status} without a question: {body:.400}", self.name));
        }
        let word = answer.map_or(Word::Endless, |(status, body)| word(cell, status, &body));
        (cell, CellOutcome { word, asked })
    }
}

impl CellApi {
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }
}

/// What came of a body until it ended or broke.
pub(super) async fn read(mut answer: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(more)) = answer.chunk().await {
        bytes.extend_from_slice(&more);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// An adapter whose site may be silent for a moment only.
async fn world(native: bool) -> World {
    let first_token = pace() * 3000;
    let idle = pace() * 1500;
    let limits = format!("concurrency = 4\nfirst_token = \"{first_token}ms\"\nidle = \"{idle}ms\"");
    let file = SITE_FILE.replace("concurrency = 4", &limits);
    let file = file.replace("tools = true", &format!("tools = {native}"));
    let start = World::start().without_broker().with_session("alice").site_file(file);
    let start = start.concurrency(u32::try_from(2 * AT_ONCE).unwrap());
    let told = |start: WorldBuilder, (name, time): (&str, Duration)| {
        start.adapter_env(name, &format!("{}ms", time.as_millis()))
    };
    adapter().into_iter().fold(start, told).await
}

fn model(path: Path, site: &str) -> String {
    format!("model-{}{}-{site}", path.kind, path.below.replace('/', "-"))
}

pub(super) fn channel(kind: u64, model: &str, base: &str) -> Value {
    let mapping = json!({model: "practice-1"}).to_string();
    let passed: BTreeMap<&str, String> =
        PASSED.into_iter().map(|name| (name, format!("{{client_header:{name}}}"))).collect();
    let mut channel = json!({
        "name": model, "type": kind, "key": SHARED_SECRET, "base_url": base, "models": model, "group": "default",
        "model_mapping": mapping, "priority": 0, "weight": 0, "header_override": json!(passed).to_string(),
    });
    if kind == 58 {
        let route = |path: &str| json!({"incoming_path": path, "upstream_path": path, "converter": "none"});
        let routes = [CellApi::Chat, CellApi::Responses, CellApi::Messages].map(|wire| route(wire.path()));
        channel["settings"] = json!({"advanced_custom": {"advanced_routes": routes}}).to_string().into();
    }
    channel
}

pub(super) fn question(cell: GatewayCell, model: &str, mark: &str) -> Value {
    let text = format!("Say it, {mark}");
    let mut body = json!({"model": model, "stream": cell.streamed});
    match cell.path.wire {
        CellApi::Responses => body["input"] = text.into(),
        CellApi::Chat | CellApi::Messages => body["messages"] = json!([{"role": "user", "content": text}]),
    }
    if cell.path.wire == CellApi::Messages {
        body["max_tokens"] = 1000.into();
    }
    if cell.tools != Tools::None {
        let parameters = json!({
            "type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"],
        });
        let name = "read";
        let about = "Reads a file.";
        body["tools"] = match cell.path.wire {
            CellApi::Chat => json!([{
                "type": "function", "function": {"name": name, "description": about, "parameters": parameters},
            }]),
            CellApi::Responses => json!([
                {"type": "function", "name": name, "description": about, "parameters": parameters},
            ]),
            CellApi::Messages => json!([{"name": name, "description": about, "input_schema": parameters}]),
        };
    }
    body
}

/// The cell that a question to the site is of.
fn find(cells: &Cells, request: &Value) -> (GatewayCell, Arc<AtomicUsize>) {
    let text = request["messages"].to_string();
    let at = text.rfind("cell ").expect("every question has its mark");
    let found = cells.lock().unwrap().get(&text[at..at + "cell 00000.".len()]).cloned();
    found.unwrap_or_else(|| panic!("nobody knows {text}"))
}
