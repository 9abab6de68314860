//! Shares over columns as SVG, and in words.

use std::fmt::Write;

/// Lines over columns: shares between 0 and 1.
pub(super) struct Chart<'a> {
    /// Above it.
    pub(super) headline: &'a str,
    /// Below each column.
    pub(super) columns: Vec<String>,
    /// What the columns are.
    pub(super) below: &'a str,
    /// The lines, in the order of their names beside the picture.
    pub(super) lines: Vec<Line>,
}

/// One line of a chart.
pub(super) struct Line {
    /// Its name.
    pub(super) name: &'static str,
    /// As in CSS.
    pub(super) colour: &'static str,
    /// One for each column.
    pub(super) shares: Vec<f64>,
}

impl Chart<'_> {
    /// A picture of 720 by 400, with names beside it.
    pub(super) fn svg(&self) -> String {
        let x = |column: usize| 60.0 + 520.0 * column as f64 / (self.columns.len().max(2) - 1) as f64;
        let y = |share: f64| 340.0 - 280.0 * share;
        let mut svg = String::from(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 400\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"720\" height=\"400\" fill=\"white\"/>\n",
        );
        let _ = writeln!(svg, "<text x=\"60\" y=\"30\">{}</text>", escaped(self.headline));
        for line in 0..=5 {
            let at = y(f64::from(line) / 5.0);
            let _ = writeln!(
                svg,
                "<path d=\"M60 {at:.1}H580\" stroke=\"#ddd\"/><text x=\"52\" y=\"{:.1}\" text-anchor=\"end\">{} %</text>",
                at + 4.0,
                line * 20
            );
        }
        for (column, name) in self.columns.iter().enumerate() {
            let _ = writeln!(svg, "<text x=\"{:.1}\" y=\"360\" text-anchor=\"middle\">{name}</text>", x(column));
        }
        let _ = writeln!(svg, "<text x=\"320\" y=\"385\" text-anchor=\"middle\">{}</text>", escaped(self.below));
        for (number, Line { name, colour, shares }) in self.lines.iter().enumerate() {
            let places = shares.iter().enumerate().map(|(at, share)| format!("{:.1},{:.1}", x(at), y(*share)));
            let places = places.collect::<Vec<_>>().join(" ");
            let _ =
                writeln!(svg, "<polyline points=\"{places}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
            let _ = writeln!(svg, "<text x=\"600\" y=\"{}\" fill=\"{colour}\">{name}</text>", 70 + 20 * number);
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

/// `99 %`; what is not all is never shown as 100, what is not nothing never as 0.
pub(super) fn percent(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 99.0 && percent < 100.0 => ">99 %".to_owned(),
        percent if percent > 0.0 && percent < 1.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.0} %"),
    }
}
