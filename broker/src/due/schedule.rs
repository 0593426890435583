//! Cron expressions of accounts, in UTC: five fields, or six or seven with seconds first and the year last.

use std::time::Duration;

use chrono::{DateTime, Utc};
use latchkey_shared::time::Timestamp;

/// More often than this is no schedule but an attack on the site's login page.
const CLOSEST: Duration = Duration::from_secs(5 * 60);

/// Fires that are looked at for how close they are.
const SAMPLE: usize = 50;

/// A schedule that was checked.
#[derive(Clone, Debug)]
pub struct Schedule(cron::Schedule);

/// Why a text is no schedule for logins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It is not cron.
    #[error(
        "expected a cron expression of 5 to 7 fields, like `0 6 * * Mon-Fri` or `0 30 6 * * *` (seconds first)"
    )]
    Format,
    /// Programs disagree on what a number means.
    #[error("write weekdays as names (Mon, Tue, ...): as a number, 7 is Saturday here and Sunday in crontab")]
    NumericWeekday,
    /// The date does not exist.
    #[error("it never fires")]
    Never,
    /// The site would take it for an attack.
    #[error("it fires more often than every 5 minutes")]
    TooOften,
}

/// Reads and checks an expression.
///
/// # Errors
/// When it is no cron expression, names weekdays by numbers, never fires or fires too often.
pub fn parse(text: &str) -> Result<Schedule, ScheduleError> {
    let mut fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() == 5 {
        fields.insert(0, "0");
    }
    if fields.get(5).is_some_and(|weekdays| has_number(weekdays)) {
        return Err(ScheduleError::NumericWeekday);
    }
    let schedule: cron::Schedule = fields.join(" ").parse().map_err(|_| ScheduleError::Format)?;
    let schedule = Schedule(schedule);
    schedule.check(Timestamp::now())?;
    Ok(schedule)
}

impl Schedule {
    /// The first fire after `now`.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        self.fires(now).next()
    }

    fn fires(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + use<'_> {
        let millis = i64::try_from(now.millis()).unwrap_or(i64::MAX);
        let after: DateTime<Utc> =
            DateTime::from_timestamp_millis(millis).unwrap_or(DateTime::<Utc>::MAX_UTC);
        let fires = self.0.after_owned(after);
        fires.map(|time| Timestamp::from_millis(u64::try_from(time.timestamp_millis()).unwrap_or_default()))
    }

    fn check(&self, now: Timestamp) -> Result<(), ScheduleError> {
        let fires: Vec<Timestamp> = self.fires(now).take(SAMPLE).collect();
        if fires.is_empty() {
            return Err(ScheduleError::Never);
        }
        if fires.windows(2).any(|pair| pair[0].until(pair[1]) < CLOSEST) {
            return Err(ScheduleError::TooOften);
        }
        Ok(())
    }
}

/// Whether a weekday is given as a number; a step after `/` is a number in every program.
fn has_number(weekdays: &str) -> bool {
    let day =
        |item: &str| item.split('/').next().is_some_and(|day| day.contains(|c: char| c.is_ascii_digit()));
    weekdays.split(',').any(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(text: &str) -> String {
        let monday = Timestamp::from_secs(1_795_420_800);
        parse(text).unwrap().next(monday).unwrap().to_string()
    }

    #[test]
    fn schedules_are_in_utc_with_or_without_seconds() {
        assert_eq!(fires("0 6 * * *"), "2026-11-24T06:00:00.000Z");
        assert_eq!(fires("30 0 9 * * *"), "2026-11-23T09:00:30.000Z");
        assert_eq!(fires("0 6 * * Sun"), "2026-11-29T06:00:00.000Z");
        assert_eq!(fires("*/10 * * * *"), "2026-11-23T08:10:00.000Z");
        assert_eq!(fires("@daily"), "2026-11-24T00:00:00.000Z");
    }

    #[test]
    fn what_would_surprise_is_refused() {
        let cases = [
            ("0 6 * * 7", ScheduleError::NumericWeekday),
            ("0 0 6 * * Mon,2", ScheduleError::NumericWeekday),
            ("* * * * *", ScheduleError::TooOften),
            ("0,1 6 * * *", ScheduleError::TooOften),
            ("0 6 30 Feb *", ScheduleError::Never),
            ("0 0 6 * * * 2020", ScheduleError::Never),
            ("every day", ScheduleError::Format),
            ("", ScheduleError::Format),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|_| ()), Err(expected), "{text}");
        }
    }
}
