//! Rules about who may know whom.

use super::source::{Finding, Source};

/// Packages, and the dependencies they never have.
const STRANGERS: [(&str, &[&str]); 6] = [
    (
        "adapter/Cargo.toml",
        &["latchkey-broker", "latchkey-tests", "chromiumoxide", "redis", "deadpool-redis", "aes-gcm"],
    ),
    // Pure: nothing that waits, listens or connects.
    (
        "adapter/bridge/Cargo.toml",
        &[
            "latchkey-adapter",
            "latchkey-broker",
            "latchkey-shared",
            "axum",
            "futures",
            "rand",
            "reqwest",
            "tokio",
        ],
    ),
    ("broker/Cargo.toml", &["latchkey-adapter", "latchkey-tests", "redis", "deadpool-redis", "aes-gcm"]),
    ("scripts/ops/Cargo.toml", &["latchkey-adapter", "latchkey-broker", "latchkey-tests", "redis"]),
    // Pure too.
    (
        "shared/site/Cargo.toml",
        &[
            "latchkey-adapter",
            "latchkey-broker",
            "latchkey-shared",
            "axum",
            "futures",
            "rand",
            "redis",
            "reqwest",
            "tokio",
        ],
    ),
    ("shared/Cargo.toml", &["latchkey-adapter", "latchkey-broker", "axum", "reqwest", "chromiumoxide"]),
];

/// What is behind a door, and where the door is: starts of paths.
const DOORS: [(&str, &[&str]); 7] = [
    ("redis::", &["shared/src/store"]),
    ("deadpool_redis::", &["shared/src/store"]),
    ("aes_gcm::", &["shared/src/vault"]),
    ("chromiumoxide::", &["broker/src/browser"]),
    ("opentelemetry", &["shared/src/telemetry", "tests/it/traces.rs"]),
    (
        "axum::",
        &[
            "adapter/src/api",
            "adapter/src/acceptor",
            "adapter/src/lib.rs",
            "broker/src/admin",
            "broker/src/lib.rs",
        ],
    ),
    ("std::env::var", &["shared/src/env.rs"]),
];

/// All rooms of a package from the top down: none imports from one before it. What `lib.rs` and `main.rs` do is above them.
const STAIRS: [(&str, &[&str]); 5] = [
    (
        "adapter/src/",
        &[
            "micro",
            "site_trial",
            "acceptor",
            "api",
            "state",
            "serving",
            "turn",
            "models",
            "pool",
            "sites",
            "prompt",
            "conversation",
            "tokens",
            "responses",
            "anthropic",
            "openai",
            "capability",
            "stream",
            "config",
            "metrics",
            "recorder",
            "connection",
            "admission",
            "deadline",
            "scope",
        ],
    ),
    ("adapter/bridge/src/", &["render", "sieve", "arguments", "dialect", "catalog", "text"]),
    (
        "broker/src/",
        &[
            "cli",
            "refresh",
            "admin",
            "record",
            "revocation",
            "state",
            "damaged",
            "keys",
            "operations",
            "metrics",
            "login",
            "browser",
            "config",
            "due",
            "audit",
        ],
    ),
    (
        "shared/site/src/",
        &[
            "advice",
            "file",
            "refresh",
            "logout",
            "chat",
            "condition",
            "step",
            "text",
            "selector",
            "schema",
            "pattern",
            "pointer",
            "duration",
            "models",
            "mistake",
            "built_in",
            "name",
            "nearest",
        ],
    ),
    (
        "shared/src/",
        &[
            "heartbeat",
            "store",
            "vault",
            "keys",
            "threads",
            "mask",
            "network",
            "telemetry",
            "terminal",
            "trial",
            "shutdown",
            "site",
            "account",
            "credentials",
            "session",
            "recording",
            "env",
            "grace",
            "id",
            "time",
        ],
    ),
];

/// Broker and adapter meet only in Redis, and shared knows neither the web nor the browser.
pub(super) fn dependencies(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources {
        let strangers = STRANGERS.iter().find(|(path, _)| *path == source.path);
        for (line, text) in source.lines() {
            let name = text.split(['.', '=', ' ']).next().unwrap_or_default();
            if strangers.is_some_and(|(_, names)| names.contains(&name)) {
                findings.push(source.finding(line, format!("this package never depends on {name}")));
            }
        }
    }
    findings
}

/// Each outside thing is spoken to from one place.
pub(super) fn doors(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is("rs") && source.is_product()) {
        let closed =
            DOORS.iter().filter(|(_, doors)| !doors.iter().any(|door| source.path.starts_with(door)));
        // A module of ours may have the name of a crate.
        let foreign = |path: &str| !source.text.contains(&format!("mod {};", path.trim_end_matches(':')));
        for (path, doors) in closed.filter(|(path, _)| foreign(path)) {
            let uses = source.code().filter(|(_, code)| mentions(code, path));
            let remedy = format!("{path} is used only in {}; ask there", doors.join(", "));
            findings.extend(uses.map(|(line, _)| source.finding(line, remedy.clone())));
        }
    }
    findings
}

/// Rooms are built on each other in one order.
pub(super) fn imports(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is("rs")) {
        let Some((room, rooms)) = room_of(source) else { continue };
        let Some(place) = rooms.iter().position(|name| *name == room) else { continue };
        for (line, imported) in imported_rooms(source) {
            if rooms[..place].contains(&imported.as_str()) {
                let remedy = format!("{room} never imports from {imported}: imports point from it to {room}");
                findings.push(source.finding(line, remedy));
            }
        }
    }
    findings
}

/// Every room has its place.
pub(super) fn rooms(sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is("rs")) {
        let Some((room, rooms)) = room_of(source) else { continue };
        if !rooms.contains(&room) && !["lib", "main"].contains(&room) {
            let remedy = format!("unknown room {room}: STAIRS say who may import from whom; add it there");
            findings.push(source.finding(1, remedy));
        }
    }
    findings
}

/// The room that a file belongs to, and all rooms of its package.
fn room_of(source: &Source) -> Option<(&str, &'static [&'static str])> {
    let (package, rooms) = STAIRS.iter().find(|(package, _)| source.path.starts_with(package))?;
    Some((source.path[package.len()..].split(['/', '.']).next().unwrap_or_default(), rooms))
}

/// Whether code mentions a path, and not another that ends like it.
fn mentions(code: &str, path: &str) -> bool {
    let inside_name =
        |before: &str| before.ends_with(|last: char| last.is_alphanumeric() || "_\"".contains(last));
    // `deadpool_redis::redis::` is that crate's own door.
    let nested = |before: &str| before.ends_with("::") && !before.ends_with(" ::");
    code.match_indices(path).any(|(at, _)| !inside_name(&code[..at]) && !nested(&code[..at]))
}

/// The rooms after each `crate::`, those in braces too.
fn imported_rooms(source: &Source) -> Vec<(usize, String)> {
    let code: String = source.code().map(|(_, code)| format!("{code}\n")).collect();
    let mut rooms = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        let line = code[..at].lines().count().max(1);
        let rest = &code[at + found.len()..];
        let names = match rest.strip_prefix('{') {
            Some(group) => names_of_group(group),
            None => vec![first_name(rest)],
        };
        rooms.extend(names.into_iter().map(|name| (line, name)));
    }
    rooms
}

fn names_of_group(group: &str) -> Vec<String> {
    let mut depth = 1;
    let mut names = Vec::new();
    let mut at_name = true;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => at_name = true,
            _ if letter.is_whitespace() => {}
            _ => {
                if at_name {
                    names.push(first_name(&group[at..]));
                }
                at_name = false;
            }
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn first_name(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}
