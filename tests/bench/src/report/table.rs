//! Tables that are Markdown and can be read as they are.

use super::Report;
use crate::figures::Measured;

/// A table whose columns stand under each other: the first to the left, the others to the right.
pub(super) fn aligned(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count(), 3]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let cell = |(column, cell): (usize, &str)| match column {
            0 => format!("{cell:<0$}", widths[0]),
            _ => format!("{cell:>0$}", widths[column]),
        };
        format!("| {} |\n", cells.into_iter().enumerate().map(cell).collect::<Vec<_>>().join(" | "))
    };
    let rules: Vec<String> = widths
        .iter()
        .enumerate()
        .map(|(column, width)| match column {
            0 => "-".repeat(*width),
            _ => format!("{}:", "-".repeat(width - 1)),
        })
        .collect();
    let mut text = line(head.to_vec()) + &line(rules.iter().map(String::as_str).collect());
    for row in rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

/// A number with as many digits as say something.
pub(super) fn number(value: f64) -> String {
    match value.abs() {
        size if 100.0 <= size => thousands(value),
        size if 10.0 <= size => format!("{value:.1}"),
        0.0 => "0".to_owned(),
        size if size < 0.1 => format!("{value:.3}"),
        _ => format!("{value:.2}"),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if 0 < at && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// All figures: a table for each scenario, then the starts, the accounts and the lengths.
pub(super) fn markdown(report: &Report) -> String {
    let mut names: Vec<&str> = report.figures.iter().map(|figure| figure.scenario.as_str()).collect();
    names.dedup();
    let mut text = String::new();
    for name in names {
        text += &format!("\n### {name}\n\n{}", scenario(report, name));
    }
    text + &starts(report) + &accounts(report) + &lengths(report)
}

fn scenario(report: &Report, name: &str) -> String {
    let columns: [Column; 11] = [
        ("req/s", |m| m.requests_per_second),
        ("chunks/s", |m| m.chunks_per_second),
        ("CPU ms/req", |m| m.cpu_ms_per_request),
        ("CPU s/M chunks", |m| m.cpu_s_per_million_chunks),
        ("first p50 ms", |m| m.first_p50_ms),
        ("p99", |m| m.first_p99_ms),
        ("chunk p50 ms", |m| m.chunk_p50_ms),
        ("p99", |m| m.chunk_p99_ms),
        ("KiB/stream", |m| m.kib_per_stream),
        ("B/chunk", |m| m.bytes_per_chunk),
        ("errors", |m| m.errors),
    ];
    let head: Vec<&str> = ["target"].into_iter().chain(columns.iter().map(|(name, _)| *name)).collect();
    let figures = report.figures.iter().filter(|figure| figure.scenario == name);
    let rows: Vec<Vec<String>> = figures
        .map(|figure| {
            let busy = if figure.measured.is_trusted() { "" } else { " !" };
            let cells = columns.iter().map(|(_, field)| number(field(&figure.measured)));
            [format!("{}{busy}", figure.target)].into_iter().chain(cells).collect()
        })
        .collect();
    aligned(&head, &rows)
}

type Column = (&'static str, fn(&Measured) -> f64);

fn starts(report: &Report) -> String {
    let row = |start: &crate::world::Start| {
        vec![start.target.clone(), number(start.cold_start_ms), number(start.idle_mib)]
    };
    let rows: Vec<Vec<String>> = report.starts.iter().map(row).collect();
    format!("\n### Starts\n\n{}", aligned(&["target", "ms until ready", "idle MiB"], &rows))
}

fn accounts(report: &Report) -> String {
    let row = |accounts: &crate::accounts::Accounts| {
        let figures = [
            accounts.cpu_ms_per_request,
            accounts.redis_cpu_ms_per_request,
            accounts.cpu_s_per_million_chunks,
            accounts.round_trips_per_stream,
            accounts.round_trips_per_whole,
            accounts.errors,
        ];
        let count = number(accounts.accounts as f64);
        [count].into_iter().chain(figures.map(number)).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = report.accounts.iter().map(row).collect();
    let head = [
        "accounts",
        "CPU ms/req",
        "Redis CPU ms/req",
        "CPU s/M chunks",
        "round trips/stream",
        "/whole",
        "errors",
    ];
    if rows.is_empty() { String::new() } else { format!("\n### Accounts\n\n{}", aligned(&head, &rows)) }
}

fn lengths(report: &Report) -> String {
    let mut text = String::new();
    if !report.streams.is_empty() {
        let row = |streams: &crate::lengths::Streams| {
            let cells = [streams.short_kib, streams.long_kib, streams.errors];
            [streams.target.clone()].into_iter().chain(cells.map(number)).collect::<Vec<_>>()
        };
        let rows: Vec<Vec<String>> = report.streams.iter().map(row).collect();
        let head = ["target", "KiB/stream", "20 times longer", "errors"];
        text += &format!("\n### A longer stream\n\n{}", aligned(&head, &rows));
    }
    if !report.arguments.is_empty() {
        let row = |argument: &crate::lengths::Argument| {
            let cells = [argument.cpu_ns_per_byte, argument.seconds, argument.peak_mib, argument.errors];
            [number(argument.kib as f64)].into_iter().chain(cells.map(number)).collect::<Vec<_>>()
        };
        let rows: Vec<Vec<String>> = report.arguments.iter().map(row).collect();
        let head = ["KiB of argument", "CPU ns/byte", "seconds", "peak MiB", "errors"];
        text += &format!("\n### A long argument\n\n{}", aligned(&head, &rows));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_as_many_digits_as_say_something() {
        let shown = [0.0, 0.0123, 1.299, 15.84, 163.4, 52_700.0, 1_234_567.0, -250.0].map(number);

        assert_eq!(shown, ["0", "0.012", "1.30", "15.8", "163", "52,700", "1,234,567", "-250"]);
    }

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [vec!["nginx".to_owned(), "1.0".to_owned()], vec!["a".to_owned(), "39,100".to_owned()]];

        let table = aligned(&["x", "req/s"], &rows);

        assert_eq!(table, "| x     |  req/s |\n| ----- | -----: |\n| nginx |    1.0 |\n| a     | 39,100 |\n");
    }
}
