//! The turns of one line as bars, in the order in which they were taken, drawn in SVG.

use super::markup::escaped;
use crate::accept::{
    numbers::{of, secs},
    turn::Turn,
};

const WIDTH: f64 = 880.0;
const HEIGHT: f64 = 150.0;
/// Left of the first bar, for the scale; and below, for the axis.
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 22.0;
const TOP: f64 = 12.0;

/// Each turn a bar: how long it took, of that until its first token, and whether anything was wrong with it.
pub(super) fn turns(turns: &[Turn], limit: Option<f64>) -> String {
    let longest = turns.iter().map(|turn| of(turn.took)).fold(0.0, f64::max);
    // A threshold far above would flatten the bars: it is drawn where there is room for it.
    let limit = limit.filter(|limit| *limit <= longest * 3.0);
    let plot = Plot { top: nice(longest.max(limit.unwrap_or(0.0)).max(0.001)), turns: turns.len() };
    let mut svg =
        format!("<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"the time of each turn\">");
    for part in [0.0, 0.5, 1.0] {
        svg += &plot.scale(plot.top * part);
    }
    for (index, turn) in turns.iter().enumerate() {
        svg += &plot.bar(index, turn);
    }
    if let Some(limit) = limit {
        svg += &plot.limit(limit);
    }
    let legend = match turns.iter().any(|turn| turn.first_token.is_some()) {
        true => "turns in their order; the dark part is the wait for the first token",
        false => "turns in their order",
    };
    format!("{svg}<text x=\"{LEFT}\" y=\"{:.1}\">{legend}</text></svg>", HEIGHT - 5.0)
}

/// Where what is drawn.
struct Plot {
    /// The seconds at the upper end.
    top: f64,
    turns: usize,
}

impl Plot {
    const FLOOR: f64 = HEIGHT - BOTTOM;

    fn height(&self, secs: f64) -> f64 {
        (HEIGHT - TOP - BOTTOM) * secs / self.top
    }

    fn scale(&self, value: f64) -> String {
        let at = Self::FLOOR - self.height(value);
        let x = LEFT - 8.0;
        let y = at + 4.0;
        let label = secs(value);
        format!(
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>"
        )
    }

    fn bar(&self, index: usize, turn: &Turn) -> String {
        let step = (WIDTH - LEFT) / self.turns.max(1) as f64;
        let thick = (step * 0.72).min(34.0);
        let x = LEFT + step * index as f64 + (step - thick) / 2.0;
        let rect = |class: &str, height: f64| {
            let y = Self::FLOOR - height;
            format!(
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{thick:.1}\" height=\"{height:.1}\" rx=\"2\"/>"
            )
        };
        let whole = rect("whole", self.height(of(turn.took)).max(1.5));
        let first = turn.first_token.map(|first| rect("first", self.height(of(first)).max(1.0)));
        let cause = turn.cause();
        let class = if cause.is_some() { "bad" } else { "good" };
        let number = index + 1;
        let took = secs(of(turn.took));
        let how = cause.unwrap_or_else(|| "well".to_owned());
        format!(
            "<g class=\"bar {class}\"><title>turn {number}: {took}, {}</title>{whole}{}</g>",
            escaped(&how),
            first.unwrap_or_default()
        )
    }

    fn limit(&self, limit: f64) -> String {
        let at = Self::FLOOR - self.height(limit);
        let y = at - 4.0;
        format!(
            "<line class=\"limit\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text class=\"limit\" x=\"{WIDTH}\" y=\"{y:.1}\" text-anchor=\"end\">95 % must be below</text>"
        )
    }
}

/// The next larger 1, 2 or 5 times a power of ten.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| value <= step * power);
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_a_round_number() {
        assert_eq!(
            [0.03, 0.9, 1.0, 2.1, 47.0].map(nice).map(|top| (top * 1000.0).round()),
            [50.0, 1000.0, 1000.0, 5000.0, 50000.0]
        );
    }
}
