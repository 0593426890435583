//! A plan on paper for 100,000 streams at once: what the measured cost of one unit makes of them.

use super::{
    Report,
    table::{self, number},
};

const STREAMS: f64 = 100_000.0;
/// What S3 paces: a token each 20 ms.
const CHUNKS_PER_SECOND: f64 = 50.0;
/// An answer of 1,500 tokens. Shorter ones ask Redis more often.
const ANSWER_SECS: f64 = 30.0;
/// A replica of two cores, used by this part, so that one may fail and bursts have room.
const CORES: f64 = 2.0;
const USED: f64 = 0.6;
/// A master of Redis runs its commands on one core.
const REDIS_USED: f64 = 0.5;
/// Streams that one account bears at once: what a person with some open tabs has.
const PER_ACCOUNT: f64 = 4.0;
const SLOTS: f64 = 16_384.0;

/// The plan, or nothing where what it stands on was not measured.
pub(super) fn markdown(report: &Report) -> String {
    rows(report).map_or_else(String::new, |rows| {
        let table = table::aligned(&["100,000 streams need", "how many", "made of"], &rows);
        format!("\n### A plan for 100,000 streams at once\n\n{table}")
    })
}

fn rows(report: &Report) -> Option<Vec<Vec<String>>> {
    Some([adapters(report)?, redis(report)?].concat())
}

fn adapters(report: &Report) -> Option<Vec<Vec<String>>> {
    let native = report.figure("S3-1000", "native")?;
    let sieve = report.figure("S3-1000", "sieve")?;
    let direct = report.figure("S3-1000", "direct")?;
    let idle = report.starts.iter().find(|start| start.target == "adapter")?.idle_mib;
    let chunks = STREAMS * CHUNKS_PER_SECOND;
    // Of the two modes the dearer one.
    let cost = native.cpu_s_per_million_chunks.max(sieve.cpu_s_per_million_chunks);
    let memory = native.kib_per_stream.max(sieve.kib_per_stream);
    let cores = chunks / 1e6 * cost;
    let replicas = (cores / (CORES * USED)).ceil().max(1.0);
    let per_replica = STREAMS / replicas;
    let gigabits = |bytes: f64| number(chunks * bytes * 8.0 / 1e9);
    let in_bytes = direct.bytes_per_chunk;
    let out_bytes = native.bytes_per_chunk;
    Some(vec![
        row(
            "cores of adapters",
            number(cores),
            format!("{} chunks a second at {} s CPU per million", number(chunks), number(cost)),
        ),
        row("replicas", number(replicas), format!("{CORES} cores each, {:.0} % used", USED * 100.0)),
        row(
            "MiB in each replica",
            number(idle + per_replica * memory / 1024.0),
            format!("{} streams of {} KiB, and {} MiB", number(per_replica), number(memory), number(idle)),
        ),
        row(
            "connections of each replica",
            number(per_replica * 2.0),
            "each stream one from the gateway and one to the site; as many descriptors".to_owned(),
        ),
        row(
            "Gbit/s from the site + to the gateway",
            format!("{} + {}", gigabits(in_bytes), gigabits(out_bytes)),
            format!("chunks of {} and {} bytes", number(in_bytes), number(out_bytes)),
        ),
    ])
}

fn redis(report: &Report) -> Option<Vec<Vec<String>>> {
    let many = report.accounts.last()?;
    let requests = STREAMS / ANSWER_SECS;
    let cores = requests * many.redis_cpu_ms_per_request / 1e3;
    let accounts = STREAMS / PER_ACCOUNT;
    Some(vec![
        row("requests a second", number(requests), format!("answers of {ANSWER_SECS} s")),
        row(
            "round trips to Redis a second",
            number(requests * many.round_trips_per_stream),
            format!("{} per request", number(many.round_trips_per_stream)),
        ),
        row(
            "masters of a Redis Cluster",
            number((cores / REDIS_USED).ceil()),
            format!(
                "{} cores at {} ms CPU per request, {:.0} % used",
                number(cores),
                number(many.redis_cpu_ms_per_request),
                REDIS_USED * 100.0
            ),
        ),
        row(
            "accounts",
            number(accounts),
            format!(
                "{PER_ACCOUNT} streams on each; {} in each of the cluster's slots",
                number(accounts / SLOTS)
            ),
        ),
    ])
}

fn row(what: &str, how_many: String, of: String) -> Vec<String> {
    vec![what.to_owned(), how_many, of]
}

#[cfg(test)]
mod tests {
    use super::{super::tests::flat, *};
    use crate::{accounts::Accounts, world::Start};

    #[test]
    fn the_plan_is_what_one_unit_costs_times_so_many() {
        let mut report = flat(&["direct", "native", "sieve"]);
        report.starts.push(Start { target: "adapter".to_owned(), cold_start_ms: 20.0, idle_mib: 10.0 });
        report.accounts.push(Accounts {
            accounts: 10_000,
            cpu_ms_per_request: 0.05,
            redis_cpu_ms_per_request: 0.06,
            cpu_s_per_million_chunks: 10.0,
            round_trips_per_stream: 2.0,
            round_trips_per_whole: 3.0,
            errors: 0.0,
            others: 0.0,
        });

        let rows = rows(&report).unwrap();

        let of = |what: &str| rows.iter().find(|row| row[0] == what).unwrap()[1].clone();
        assert_eq!(of("cores of adapters"), "50.0");
        assert_eq!(of("replicas"), "42.0");
        assert_eq!(of("round trips to Redis a second"), "6,667");
        assert_eq!(of("masters of a Redis Cluster"), "1.00");
    }

    #[test]
    fn there_is_no_plan_on_figures_that_nobody_measured() {
        assert_eq!(markdown(&flat(&["direct", "native", "sieve"])), "");
    }
}
