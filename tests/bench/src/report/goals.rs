//! The targets: what a figure may be, what it is, and whether that is enough.

use super::{Report, table};
use crate::figures::{Measured, TOO_BUSY};

/// One target and what was reached.
pub(super) struct Goal {
    /// What is looked at.
    pub what: String,
    /// Most, or least, that it may be.
    limit: Limit,
    /// What stands behind the numbers.
    unit: &'static str,
    /// What it is; nothing where it was not measured.
    pub reached: Option<f64>,
    /// Cores that others used while it was measured.
    others: f64,
}

#[derive(Clone, Copy)]
enum Limit {
    Most(f64),
    Least(f64),
}

impl Goal {
    fn is_met(&self) -> Option<bool> {
        Some(match self.limit {
            Limit::Most(most) => self.reached? <= most,
            Limit::Least(least) => least <= self.reached?,
        })
    }

    fn row(&self) -> Vec<String> {
        let target = match self.limit {
            Limit::Most(most) => format!("at most {most}{}", self.unit),
            Limit::Least(least) => format!("at least {least}{}", self.unit),
        };
        let busy = if TOO_BUSY < self.others { " !" } else { "" };
        let reached = self
            .reached
            .map_or_else(String::new, |reached| format!("{}{}{busy}", table::number(reached), self.unit));
        let verdict = match self.is_met() {
            None => "not measured",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        vec![self.what.clone(), target, reached, verdict.to_owned()]
    }
}

/// The table of targets.
pub(super) fn markdown(report: &Report) -> String {
    let rows: Vec<Vec<String>> = all(report).iter().map(Goal::row).collect();
    table::aligned(&["what", "target", "reached", ""], &rows)
}

/// All targets.
pub(super) fn all(report: &Report) -> Vec<Goal> {
    let mut goals = costs(report);
    goals.extend(delays(report));
    goals.extend(many_streams(report));
    goals.extend(lengths(report));
    goals.extend(start(report));
    goals.extend(accounts(report));
    goals
}

fn costs(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (target, mode, most) in [("native", "native tools", 1.3), ("sieve", "sieve over plain text", 1.5)] {
        for scenario in ["S2", "S3-200"] {
            goals.push(ratio(
                report,
                format!("CPU per chunk, {mode}, {scenario}, over the floor's"),
                Limit::Most(most),
                (scenario, target),
                (scenario, "floor"),
                |m| m.cpu_s_per_million_chunks,
            ));
        }
    }
    goals.push(ratio(
        report,
        "S1 requests per second, over the floor's".to_owned(),
        Limit::Least(0.4),
        ("S1", "native"),
        ("S1", "floor"),
        |m| m.requests_per_second,
    ));
    goals
}

fn delays(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    for (part, field) in [("p50", chunk_p50 as fn(&Measured) -> f64), ("p99", chunk_p99)] {
        goals.push(ratio(
            report,
            format!("delay of a chunk, 200 streams, {part}, over nginx's"),
            Limit::Most(1.5),
            ("S3-200", "native"),
            ("S3-200", "nginx"),
            field,
        ));
    }
    for (part, most, field) in
        [("p50", 1.0, first_p50 as fn(&Measured) -> f64), ("p99", 5.0, first_p99 as fn(&Measured) -> f64)]
    {
        let ours = report.figure("S3-50", "native");
        let direct = report.figure("S3-50", "direct");
        goals.push(Goal {
            what: format!("time to the first token, 50 streams, {part}, over direct"),
            limit: Limit::Most(most),
            unit: " ms",
            reached: ours.zip(direct).map(|(ours, direct)| field(ours) - field(direct)),
            others: others([ours, direct]),
        });
    }
    goals
}

fn many_streams(report: &Report) -> Vec<Goal> {
    let native = report.figure("S3-1000", "native");
    let errors = ["native", "sieve", "calls"].map(|target| report.figure("S3-1000", target));
    let goal = |what: &str, most, unit, reached| Goal {
        what: what.to_owned(),
        limit: Limit::Most(most),
        unit,
        reached,
        others: others([native]),
    };
    vec![
        ratio(
            report,
            "delay of a chunk, 1,000 streams, p99, over nginx's".to_owned(),
            Limit::Most(2.0),
            ("S3-1000", "native"),
            ("S3-1000", "nginx"),
            chunk_p99,
        ),
        goal("memory per stream, 1,000 streams", 48.0, " KiB", native.map(|m| m.kib_per_stream)),
        goal(
            "errors, 1,000 streams, all modes",
            0.0,
            "",
            native.map(|_| errors.iter().flatten().map(|m| m.errors).sum()),
        ),
        ratio(
            report,
            "CPU per chunk, 1,000 streams over one".to_owned(),
            Limit::Most(1.1),
            ("S3-1000", "native"),
            ("S3-1", "native"),
            |m| m.cpu_s_per_million_chunks,
        ),
    ]
}

fn lengths(report: &Report) -> Vec<Goal> {
    let mut goals = Vec::new();
    for streams in &report.streams {
        goals.push(Goal {
            what: format!("memory per stream, 20 times longer, {}", streams.target),
            limit: Limit::Most(1.1),
            unit: " x",
            reached: Some(streams.long_kib / streams.short_kib),
            others: report.others,
        });
    }
    if let [small, large] = report.arguments.as_slice() {
        goals.push(Goal {
            what: format!("CPU per byte of a call, {} KiB over {} KiB", large.kib, small.kib),
            limit: Limit::Most(1.3),
            unit: " x",
            reached: Some(large.cpu_ns_per_byte / small.cpu_ns_per_byte),
            others: report.others,
        });
    }
    goals
}

fn start(report: &Report) -> Vec<Goal> {
    let start = report.starts.iter().find(|start| start.target == "adapter");
    let goal = |what: &str, most, unit, reached| Goal {
        what: what.to_owned(),
        limit: Limit::Most(most),
        unit,
        reached,
        others: report.others,
    };
    vec![
        goal("memory when idle", 15.0, " MiB", start.map(|start| start.idle_mib)),
        goal("cold start to ready", 50.0, " ms", start.map(|start| start.cold_start_ms)),
    ]
}

fn accounts(report: &Report) -> Vec<Goal> {
    let [few, many] = report.accounts.as_slice() else { return Vec::new() };
    let goal = |what: &str, most, unit, reached| Goal {
        what: format!("{what}, {} accounts", many.accounts),
        limit: Limit::Most(most),
        unit,
        reached: Some(reached),
        others: few.others.max(many.others),
    };
    let over = format!("over {}", few.accounts);
    vec![
        goal("round trips to Redis per stream", 2.0, "", many.round_trips_per_stream),
        goal("round trips to Redis per whole answer", 3.0, "", many.round_trips_per_whole),
        goal(
            &format!("CPU per request, {over}"),
            1.1,
            " x",
            many.cpu_ms_per_request / few.cpu_ms_per_request,
        ),
        goal(
            &format!("CPU per chunk, {over}"),
            1.1,
            " x",
            many.cpu_s_per_million_chunks / few.cpu_s_per_million_chunks,
        ),
    ]
}

/// One figure over another, each the median of its own rounds.
fn ratio(
    report: &Report,
    what: String,
    limit: Limit,
    ours: (&str, &str),
    beside: (&str, &str),
    field: fn(&Measured) -> f64,
) -> Goal {
    let ours = report.figure(ours.0, ours.1);
    let beside = report.figure(beside.0, beside.1);
    let reached = ours.zip(beside).map(|(ours, beside)| field(ours) / field(beside));
    Goal { what, limit, unit: " x", reached, others: others([ours, beside]) }
}

fn others<const N: usize>(measured: [Option<&Measured>; N]) -> f64 {
    measured.into_iter().flatten().map(|m| m.others).fold(0.0, f64::max)
}

fn chunk_p50(measured: &Measured) -> f64 {
    measured.chunk_p50_ms
}

fn chunk_p99(measured: &Measured) -> f64 {
    measured.chunk_p99_ms
}

fn first_p50(measured: &Measured) -> f64 {
    measured.first_p50_ms
}

fn first_p99(measured: &Measured) -> f64 {
    measured.first_p99_ms
}

#[cfg(test)]
mod tests {
    use super::{super::tests::flat, *};

    fn verdict(report: &Report, what: &str) -> (String, String) {
        let row = all(report).iter().map(Goal::row).find(|row| row[0].starts_with(what)).unwrap();
        (row[2].clone(), row[3].clone())
    }

    #[test]
    fn a_figure_within_its_ratio_is_met_and_one_beyond_is_missed() {
        let mut report = flat(&["nginx", "floor", "native"]);
        let what = "CPU per chunk, native tools, S2";
        assert_eq!(verdict(&report, what), ("1.00 x".to_owned(), "met".to_owned()));

        for figure in report.figures.iter_mut().filter(|figure| figure.target == "native") {
            figure.measured.cpu_s_per_million_chunks = 13.1;
        }

        assert_eq!(verdict(&report, what), ("1.31 x".to_owned(), "MISSED".to_owned()));
    }

    #[test]
    fn what_must_be_at_least_so_much_is_missed_below() {
        let mut report = flat(&["floor", "native"]);

        for figure in report.figures.iter_mut().filter(|figure| figure.target == "native") {
            figure.measured.requests_per_second = 390.0;
        }

        assert_eq!(verdict(&report, "S1 requests"), ("0.39 x".to_owned(), "MISSED".to_owned()));
    }

    #[test]
    fn what_was_not_measured_is_said_and_not_met() {
        let report = flat(&["native"]);

        assert_eq!(verdict(&report, "S1 requests"), (String::new(), "not measured".to_owned()));
    }

    #[test]
    fn a_figure_of_a_busy_machine_is_marked() {
        let mut report = flat(&["floor", "native"]);

        report.figures.iter_mut().for_each(|figure| figure.measured.others = 0.5);

        assert_eq!(verdict(&report, "S1 requests").0, "1.00 x !");
    }
}
