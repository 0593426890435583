//! Times and tables, as people read them.

use std::time::Duration;

use latchkey_shared::time::Timestamp;

/// A duration in its two largest units.
pub(super) fn rough(duration: Duration) -> String {
    let secs = duration.as_secs();
    let days = secs / 86_400;
    let hours = secs / 3600 % 24;
    let minutes = secs / 60 % 60;
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs}s"),
        (0, 0, _) => format!("{minutes}m {}s", secs % 60),
        (0, _, _) => format!("{hours}h {minutes}m"),
        (_, _, _) => format!("{days}d {hours}h"),
    }
}

/// A time, from now.
pub(super) fn from_now(time: Option<Timestamp>, now: Timestamp) -> String {
    match time {
        None => "-".to_owned(),
        Some(Timestamp::NEVER) => "never".to_owned(),
        Some(time) if now < time => format!("in {}", rough(now.until(time))),
        Some(time) => format!("{} ago", rough(time.until(now))),
    }
}

/// Rows in columns as wide as their widest cell; the first row is the head.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += cells.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let said = [5, 65, 3_700, 90_000].map(|secs| rough(Duration::from_secs(secs)));
        assert_eq!(said, ["5s", "1m 5s", "1h 1m", "1d 1h"]);
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["ID", "STATE"], ["1", "new"], ["100", "active"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "ID   STATE\n1    new\n100  active\n");
    }
}
