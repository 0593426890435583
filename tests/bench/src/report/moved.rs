//! What moved since a run that was kept. Only ratios of one run are compared, for another machine has other seconds.

use super::{Report, goals, table};

/// Less than this is noise.
const NOISE: f64 = 0.10;
/// What all others are measured by.
const FLOOR: &str = "floor";

/// A figure of two runs.
struct Moved {
    what: String,
    before: f64,
    now: f64,
}

impl Moved {
    fn part(&self) -> f64 {
        self.now / self.before - 1.0
    }
}

/// What moved, the farthest first.
pub(super) fn text(now: &Report, kept: &Report) -> String {
    let before = ratios(kept);
    let mut compared = 0;
    let mut all: Vec<Moved> = Vec::new();
    for (what, now) in ratios(now) {
        let Some((_, before)) = before.iter().find(|(name, _)| *name == what) else { continue };
        compared += 1;
        let moved = Moved { what, before: *before, now };
        if NOISE < moved.part().abs() && moved.part().is_finite() {
            all.push(moved);
        }
    }
    all.sort_by(|a, b| b.part().abs().total_cmp(&a.part().abs()));
    let mut text = format!(
        "{} of {compared} ratios moved by more than {:.0} % since the run that was kept.\n",
        all.len(),
        NOISE * 100.0
    );
    if now.size != kept.size {
        text +=
            &format!("That was a {:?} run and this is a {:?} one: expect some of it.\n", kept.size, now.size);
    }
    if !all.is_empty() {
        let row = |moved: &Moved| {
            let part = format!("{:+.0} %", moved.part() * 100.0);
            vec![moved.what.clone(), table::number(moved.before), table::number(moved.now), part]
        };
        let rows: Vec<Vec<String>> = all.iter().map(row).collect();
        text += &format!("\n{}", table::aligned(&["what", "kept", "now", ""], &rows));
    }
    text
}

/// The figures of the targets, and what each scenario costs each target over the floor.
fn ratios(report: &Report) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> =
        goals::all(report).into_iter().filter_map(|goal| Some((goal.what, goal.reached?))).collect();
    for figure in report.figures.iter().filter(|figure| figure.target != FLOOR) {
        let Some(floor) = report.figure(&figure.scenario, FLOOR) else { continue };
        let place = format!("{}, {}", figure.scenario, figure.target);
        let measured = &figure.measured;
        all.push((
            format!("{place}: requests per second over the floor's"),
            measured.requests_per_second / floor.requests_per_second,
        ));
        all.push((
            format!("{place}: CPU per request over the floor's"),
            measured.cpu_ms_per_request / floor.cpu_ms_per_request,
        ));
    }
    all.retain(|(_, ratio)| ratio.is_finite());
    all
}

#[cfg(test)]
mod tests {
    use super::{super::tests::flat, *};

    #[test]
    fn nothing_moved_between_a_run_and_itself() {
        let report = flat(&["floor", "native"]);

        let text = text(&report, &report);

        assert!(text.starts_with("0 of "), "{text}");
        assert!(!text.contains("0 of 0"), "{text}");
    }

    #[test]
    fn a_machine_twice_as_fast_moves_nothing_and_an_adapter_half_as_fast_does() {
        let kept = flat(&["floor", "native"]);
        let mut faster = flat(&["floor", "native"]);
        faster.figures.iter_mut().for_each(|figure| figure.measured.requests_per_second *= 2.0);
        let mut slower = flat(&["floor", "native"]);
        let ours = slower.figures.iter_mut().filter(|figure| figure.target == "native");
        ours.for_each(|figure| figure.measured.requests_per_second /= 2.0);

        assert!(text(&faster, &kept).starts_with("0 of "));
        let text = text(&slower, &kept);
        assert!(text.contains("S2, native: requests per second over the floor's"), "{text}");
        assert!(text.contains("-50 %"), "{text}");
    }
}
