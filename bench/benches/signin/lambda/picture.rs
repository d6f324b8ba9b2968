//! The picture of the simulation: the arrivals, the environments, and the share of cold starts. The
//! assumptions are below.

use plotters::coord::Shift;
use plotters::prelude::*;

use super::{BIN, CURVE, Stretch};

const WIDTH: u32 = 960;
const PANEL: u32 = 230;
const HEAD: u32 = 50;
const LINE: u32 = 20;
/// Blue, orange and green that colour-blind people can distinguish (Okabe and Ito).
const BLUE: RGBColor = RGBColor(0, 114, 178);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
/// A name, a colour, and a value for each bin.
type Line = (&'static str, RGBColor, Vec<f64>);

pub(super) fn draw(bins: &[Stretch], text: &[String]) -> String {
    let mut svg = String::new();
    {
        let height = HEAD + 3 * PANEL + LINE * (text.len() as u32 + 1);
        let root = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        // A white background, so that the picture can be read on a dark page too.
        root.fill(&WHITE).unwrap();
        let (head, rest) = root.split_vertically(HEAD);
        let (panels, foot) = rest.split_vertically(3 * PANEL);
        let title = "Sign-ins on Lambda, simulated: one request per environment";
        head.draw_text(title, &("sans-serif", 20).into_text_style(&head), (20, 16)).unwrap();

        let values = |of: fn(&Stretch) -> f64| bins.iter().map(of).collect::<Vec<_>>();
        let arrivals = values(|bin| (bin.latencies.len() + bin.refused) as f64 / BIN);
        let there = values(|bin| bin.environments as f64);
        let busy = values(|bin| bin.most_busy as f64);
        let cold = values(|bin| bin.cold as f64 / bin.latencies.len().max(1) as f64 * 100.0);
        let parts = panels.split_evenly((3, 1));
        panel(&parts[0], "sign-ins a second", &[("arriving", BLUE, arrivals)]);
        panel(&parts[1], "environments", &[("there", ORANGE, there), ("in use", BLUE, busy)]);
        panel(&parts[2], "cold starts, % of sign-ins", &[("cold", GREEN, cold)]);
        for (at, line) in text.iter().enumerate() {
            let at = (20, (at as u32 * LINE) as i32 + 4);
            foot.draw_text(line, &("sans-serif", 13).into_text_style(&foot), at).unwrap();
        }
        root.present().unwrap();
    }
    svg
}

fn panel(area: &Area<'_>, label: &str, lines: &[Line]) {
    let most = lines.iter().flat_map(|(_, _, values)| values).fold(0.0_f64, |most, value| most.max(*value));
    let minutes = CURVE[CURVE.len() - 1].0 / 60.0;
    let mut chart = ChartBuilder::on(area)
        .margin_left(12)
        .margin_right(20)
        .margin_bottom(6)
        .x_label_area_size(38)
        .y_label_area_size(70)
        .build_cartesian_2d(0.0..minutes, 0.0..most * 1.08)
        .unwrap();
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(BLACK.mix(0.12))
        .x_labels(16)
        .y_labels(6)
        .x_desc("minutes")
        .y_desc(label)
        .label_style(("sans-serif", 13))
        .x_label_formatter(&|minutes| format!("{minutes:.0}"))
        .y_label_formatter(&|value| if most < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") })
        .draw()
        .unwrap();
    for (name, colour, values) in lines {
        let points = values.iter().enumerate().map(|(at, value)| ((at as f64 + 0.5) * BIN / 60.0, *value));
        let series = AreaSeries::new(points, 0.0, colour.mix(0.2)).border_style(colour.stroke_width(2));
        let colour = *colour;
        chart
            .draw_series(series)
            .unwrap()
            .label(*name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], colour.filled()));
    }
    if lines.len() > 1 {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK.mix(0.2))
            .label_font(("sans-serif", 13))
            .draw()
            .unwrap();
    }
}
