//! How costs and delays grow with the number of streams, drawn in SVG: a panel for each, a line for each target.

use super::Report;
use crate::figures::Measured;

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 300.0;
/// Around a panel, for scales and titles.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 40.0;
const LEGEND: f64 = 30.0;
const COLOURS: [&str; 8] =
    ["#8a8a8a", "#d08700", "#3a78c2", "#b0413e", "#7a4fa3", "#1f8a5b", "#5fb3b3", "#c46a9b"];

/// What a panel shows of a measurement.
struct Panel {
    title: &'static str,
    field: fn(&Measured) -> f64,
}

const PANELS: [Panel; 3] = [
    Panel { title: "CPU seconds per million chunks", field: |m| m.cpu_s_per_million_chunks },
    Panel { title: "delay of a chunk, p50, ms", field: |m| m.chunk_p50_ms },
    Panel { title: "delay of a chunk, p99, ms", field: |m| m.chunk_p99_ms },
];

/// The whole picture.
pub(super) fn svg(report: &Report) -> String {
    let mut targets: Vec<&str> = Vec::new();
    for figure in &report.figures {
        if !targets.contains(&figure.target.as_str()) {
            targets.push(&figure.target);
        }
    }
    let width = WIDTH * PANELS.len() as f64;
    let height = HEIGHT + LEGEND;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (index, panel) in PANELS.iter().enumerate() {
        svg += &format!("<g transform=\"translate({} 0)\">\n", WIDTH * index as f64);
        svg += &panel.draw(report, &targets);
        svg += "</g>\n";
    }
    for (index, target) in targets.iter().enumerate() {
        let x = LEFT + 100.0 * index as f64;
        let y = HEIGHT + 12.0;
        let colour = COLOURS[index % COLOURS.len()];
        svg += &format!(
            "<rect x=\"{x}\" y=\"{}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"{y}\">{target}</text>\n",
            y - 6.0,
            x + 20.0
        );
    }
    svg + "</svg>\n"
}

impl Panel {
    /// Both scales are logarithmic: ratios are what matters.
    fn draw(&self, report: &Report, targets: &[&str]) -> String {
        let lines: Vec<Vec<(f64, f64)>> = targets.iter().map(|target| self.points(report, target)).collect();
        let title = format!("<text x=\"{LEFT}\" y=\"18\" font-weight=\"bold\">{}</text>\n", self.title);
        let values: Vec<f64> = lines.iter().flatten().map(|(_, value)| *value).collect();
        // Without a value there is no scale, and none of its lines would be the last.
        if values.is_empty() {
            return title;
        }
        let least = values.iter().copied().fold(f64::INFINITY, f64::min).max(1e-3).log10().floor();
        let most = values.iter().copied().fold(1e-3, f64::max).log10().ceil().max(least + 1.0);
        let x = |streams: f64| LEFT + (WIDTH - LEFT - RIGHT) * streams.log10() / 3.0;
        let y = |value: f64| {
            let part = (value.log10() - least) / (most - least);
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * part
        };
        let mut svg = title;
        let mut decade = least;
        while decade <= most {
            let value = 10_f64.powf(decade);
            let at = y(10_f64.powf(decade));
            svg += &format!(
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#dddddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>\n",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0
            );
            decade += 1.0;
        }
        for streams in [1.0, 10.0, 50.0, 200.0, 1000.0] {
            let at = x(streams);
            let below = HEIGHT - BOTTOM + 16.0;
            svg += &format!("<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{streams}</text>\n");
        }
        svg += &format!(
            "<text x=\"{LEFT}\" y=\"{}\">streams at once, 20 ms between tokens</text>\n",
            HEIGHT - 6.0
        );
        for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            let colour = COLOURS[index % COLOURS.len()];
            let places: Vec<String> =
                line.iter().map(|(streams, value)| format!("{:.1},{:.1}", x(*streams), y(*value))).collect();
            svg += &format!(
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
                places.join(" ")
            );
        }
        svg
    }

    /// Streams and value, of the scenarios that pace their chunks. What was not measured, as the CPU of the site, is none.
    fn points(&self, report: &Report, target: &str) -> Vec<(f64, f64)> {
        let figures = report.figures.iter().filter(|figure| figure.target == target);
        let points = figures.filter_map(|figure| {
            let streams: f64 = figure.scenario.strip_prefix("S3-")?.parse().ok()?;
            Some((streams, (self.field)(&figure.measured)))
        });
        points.filter(|(_, value)| 0.0 < *value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::flat, *};

    #[test]
    fn each_panel_has_a_line_for_each_target_over_all_counts_of_streams() {
        let svg = svg(&flat(&["nginx", "native"]));

        assert_eq!(svg.matches("<polyline").count(), PANELS.len() * 2);
        let first = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!(first.split(' ').count(), 5);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_run_without_paced_streams_has_panels_without_lines() {
        let mut report = flat(&["nginx", "native"]);
        report.figures.retain(|figure| !figure.scenario.starts_with("S3"));

        let svg = svg(&report);

        assert_eq!((svg.matches("<polyline").count(), svg.matches("<g ").count()), (0, PANELS.len()));
    }
}
