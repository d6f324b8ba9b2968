//! The picture of the peers, `bench/results/peers.svg`: bars from zero, in a panel for each measurement. The
//! SVG is written here, since three panels of rectangles need less code than a library. It has a background
//! of its own, light or dark, since a page may have either.

use std::fmt::Write;
use std::fs;

use postern_tests::binary::in_workspace;

use super::Figures;

const LEFT: f64 = 140.0;
const PANEL: f64 = 225.0;
/// The length of the longest bar. The rest of the panel is for its figure.
const BAR: f64 = 140.0;
const TOP: f64 = 52.0;
const ROW: f64 = 30.0;

/// A panel: its title, its unit, and the parts of each peer's bar.
type Panel = (&'static str, &'static str, fn(&Figures) -> Vec<f64>);

const PANELS: [Panel; 3] = [
    ("Cold: start, and first reply", "ms", |peer| vec![peer.start.median, peer.first.median]),
    ("Warm sign-in", "ms", |peer| vec![peer.right.median]),
    ("Resident memory", "MiB", |peer| vec![peer.memory]),
];

/// Writes the picture.
pub(super) fn write(figures: &[Figures]) {
    fs::write(in_workspace("bench/results/peers.svg"), draw(figures)).unwrap();
}

fn draw(figures: &[Figures]) -> String {
    let width = LEFT + PANEL * PANELS.len() as f64;
    let height = TOP + ROW * figures.len() as f64 + 6.0;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="Postern beside its peers">
<style>
text {{ font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #59636e }}
.title, .ours {{ font-weight: 600; fill: #1f2328 }}
.bar {{ fill: #8c959f }} .bar.ours {{ fill: #0969da }} .second {{ opacity: .55 }} .paper {{ fill: #ffffff }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #9198a1 }} .title, .ours {{ fill: #f0f6fc }} .bar {{ fill: #656c76 }} .bar.ours {{ fill: #4493f8 }} .paper {{ fill: #0d1117 }}
}}
</style>
<rect class="paper" width="{width}" height="{height}" rx="6"/>
"#
    );
    let row = |index: usize| TOP + ROW * index as f64;
    let ours = |index: usize| if index == 0 { " ours" } else { "" };
    for (index, peer) in figures.iter().enumerate() {
        let (x, y) = (LEFT - 12.0, row(index) + 15.0);
        let (class, name) = (ours(index), peer.name);
        writeln!(svg, r#"<text class="name{class}" x="{x}" y="{y}" text-anchor="end">{name}</text>"#)
            .unwrap();
    }
    for (number, (title, unit, parts)) in PANELS.iter().enumerate() {
        let left = LEFT + PANEL * number as f64;
        writeln!(svg, r#"<text class="title" x="{left}" y="28">{title}</text>"#).unwrap();
        let most = figures.iter().map(|peer| parts(peer).iter().sum()).fold(0.0, f64::max);
        for (index, peer) in figures.iter().enumerate() {
            let (mut x, y, class) = (left, row(index), ours(index));
            for (nth, part) in parts(peer).iter().enumerate() {
                let long = part / most * BAR;
                let second = if nth == 0 { "" } else { " second" };
                writeln!(
                    svg,
                    r#"<rect class="bar{class}{second}" x="{x:.1}" y="{y}" width="{long:.1}" height="20"/>"#
                )
                .unwrap();
                x += long;
            }
            let (x, y, whole) = (x + 6.0, y + 15.0, parts(peer).iter().sum::<f64>());
            writeln!(svg, r#"<text class="figure{class}" x="{x:.1}" y="{y}">{}</text>"#, figure(whole, unit))
                .unwrap();
        }
    }
    svg + "</svg>\n"
}

fn figure(value: f64, unit: &str) -> String {
    format!("{value:.*} {unit}", usize::from(value < 100.0))
}
