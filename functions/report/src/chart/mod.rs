//! Charts as inline SVG, without a colour of their own.
//!
//! The library writes fixed colours, so each role has one that stands for it, and the page's style sheet
//! says what it looks like in light, in dark and in print. Each chart is drawn twice, wide and narrow:
//! scaled down to a phone, the letters of the wide one could not be read.

mod campaigns;
mod days;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind, IntoDrawingArea as _};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color as _, IntoFont as _, RGBColor, TextStyle};

pub use campaigns::campaigns;
pub use days::days;

/// Attributed revenue.
const ATTRIBUTED: RGBColor = RGBColor(0, 0, 0xF1);
/// Unattributed revenue.
const UNATTRIBUTED: RGBColor = RGBColor(0, 0, 0xF2);
/// Cost.
const COST: RGBColor = RGBColor(0, 0, 0xF3);
/// Lines of the grid.
const GRID: RGBColor = RGBColor(0, 0, 0xF4);
/// Labels.
const LABEL: RGBColor = RGBColor(0, 0, 0xF5);
/// The page behind it all.
const SURFACE: RGBColor = RGBColor(0, 0, 0xF6);
/// Names.
const NAME: RGBColor = RGBColor(0, 0, 0xF7);

/// A chart cannot be drawn: a defect.
#[derive(Debug, thiserror::Error)]
#[error("a chart cannot be drawn: {0}")]
pub struct ChartError(String);

impl<E: std::error::Error + Send + Sync> From<DrawingAreaErrorKind<E>> for ChartError {
    fn from(error: DrawingAreaErrorKind<E>) -> Self {
        Self(error.to_string())
    }
}

/// How wide a chart is, in units that are pixels where nothing is scaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// For a desk, and paper.
    Wide,
    /// For a phone.
    Narrow,
}

impl Width {
    fn units(self) -> u32 {
        match self {
            Self::Wide => 1000,
            Self::Narrow => 360,
        }
    }

    /// The size of labels.
    fn letters(self) -> f64 {
        match self {
            Self::Wide => 13.0,
            Self::Narrow => 12.0,
        }
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws a chart and says in words what it shows.
fn draw(
    width: Width,
    height: u32,
    what: &str,
    paint: impl FnOnce(&Area<'_>) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width.units(), height)).into_drawing_area();
        paint(&area)?;
        area.present()?;
    }
    Ok(described(&svg, what))
}

/// The drawing with its description. In a page it needs no namespace.
fn described(svg: &str, what: &str) -> String {
    let what = escaped(what);
    let svg = svg.replacen(" xmlns=\"http://www.w3.org/2000/svg\"", "", 1);
    svg.replacen("<svg ", &format!("<svg role=\"img\" aria-label=\"{what}\" "), 1)
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

/// Where a text stands, and what it is.
#[derive(Debug, Clone, Copy)]
enum Align {
    Start,
    Middle,
    End,
}

fn style(width: Width, color: RGBColor, align: Align) -> TextStyle<'static> {
    let across = match align {
        Align::Start => HPos::Left,
        Align::Middle => HPos::Center,
        Align::End => HPos::Right,
    };
    // The library divides the size by this.
    let font = ("sans-serif", width.letters() * 1.24).into_font();
    TextStyle { font, color: color.to_backend_color(), pos: Pos::new(across, VPos::Center) }
}

/// A name that fits: cut where it is longer than so many letters. Wide letters count twice.
fn cut(name: &str, letters: usize) -> String {
    let wide = |letter: char| 1 + usize::from(letter >= '\u{1100}');
    if name.chars().map(wide).sum::<usize>() <= letters {
        return name.to_owned();
    }
    let mut left = letters.saturating_sub(1);
    let mut kept = String::new();
    for letter in name.chars() {
        if wide(letter) > left {
            break;
        }
        left -= wide(letter);
        kept.push(letter);
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(cut("Brand", 5), "Brand");
        assert_eq!(cut("Brand exact", 7), "Brand…");
        assert_eq!(cut("ブランド", 5), "ブラ…");
    }

    #[test]
    fn a_description_is_escaped() {
        let svg = described("<svg width=\"1\" xmlns=\"http://www.w3.org/2000/svg\">", "\"<&>");
        assert_eq!(svg, "<svg role=\"img\" aria-label=\"&quot;&lt;&amp;&gt;\" width=\"1\">");
    }
}
