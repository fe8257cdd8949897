//! Revenue and cost as time goes by.

use plotters::chart::{ChartBuilder, LabelAreaPosition};
use plotters::element::{Circle, PathElement, Rectangle, Text};
use plotters::style::Color as _;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{
    ATTRIBUTED, Align, Area, COST, ChartError, GRID, LABEL, SURFACE, UNATTRIBUTED, Width, draw,
    style,
};
use crate::figures::{Figures, StepFigures};
use crate::text::{axis_money, day, money};

/// Below the chart, for the days.
const DAYS_HEIGHT: i32 = 28;

/// About how many lines the grid has.
const LINES: f64 = 4.0;

/// Bars of revenue, the attributed below, and a line of cost.
pub fn days(figures: &Figures, width: Width) -> Result<String, ChartError> {
    let height = if width == Width::Wide { 320 } else { 240 };
    draw(width, height, &description(figures), |area| paint(area, figures, width))
}

fn description(figures: &Figures) -> String {
    let Figures { totals, currency, steps, is_by_week, .. } = figures;
    let step = if *is_by_week { "week" } else { "day" };
    let most = steps.iter().max_by_key(|step| step.attributed + step.unattributed);
    let most = most.map_or_else(String::new, |most| {
        format!(
            " Most came in the {step} of {}: {}.",
            day(most.from),
            money(most.attributed + most.unattributed, currency)
        )
    });
    format!(
        "Revenue and cost by {step}: {} attributed, {} unattributed, {} paid.{most}",
        money(totals.attributed(), currency),
        money(totals.unattributed, currency),
        money(totals.cost, currency),
    )
}

fn paint(area: &Area<'_>, figures: &Figures, width: Width) -> Result<(), ChartError> {
    let steps = &figures.steps;
    let grid = Grid::over(steps);
    let (axis, margin) = if width == Width::Wide { (72, 10) } else { (58, 4) };
    let mut chart = ChartBuilder::on(area)
        .margin_top(12)
        .margin_right(margin)
        .margin_bottom(DAYS_HEIGHT)
        .set_label_area_size(LabelAreaPosition::Left, axis)
        .build_cartesian_2d(0.0..steps.len() as f64, grid.low..grid.high)?;
    let (_, pixels) = chart.plotting_area().get_pixel_range();
    let pixel = (grid.high - grid.low) / f64::from((pixels.end - pixels.start).max(1));
    for line in grid.lines() {
        let across =
            PathElement::new([(0.0, line), (steps.len() as f64, line)], GRID.stroke_width(1));
        chart.plotting_area().draw(&across)?;
        let (x, y) = chart.backend_coord(&(0.0, line));
        let label =
            axis_money(Decimal::from_f64_retain(line).unwrap_or_default(), &figures.currency);
        area.draw(&Text::new(label, (x - 8, y), style(width, LABEL, Align::End)))?;
    }
    let mut costs = Vec::with_capacity(steps.len());
    let gap = if steps.len() > 45 { 0.1 } else { 0.16 };
    for (position, step) in steps.iter().enumerate() {
        let left = position as f64;
        let (attributed, all) =
            (height(step.attributed), height(step.attributed + step.unattributed));
        let bar = |from: f64, to: f64| [(left + gap, from), (left + 1.0 - gap, to)];
        // A line of the page's colour between the two.
        let seam = if all > attributed && attributed > 0.0 { pixel } else { 0.0 };
        chart.draw_series([
            Rectangle::new(bar(0.0, attributed), ATTRIBUTED.filled()),
            Rectangle::new(bar((attributed + seam).min(all), all), UNATTRIBUTED.filled()),
        ])?;
        costs.push((left + 0.5, height(step.cost)));
    }
    if costs.iter().any(|(_, cost)| *cost != 0.0) {
        // With a rim, so that it stands out from the bars.
        chart.draw_series([
            PathElement::new(costs.clone(), SURFACE.stroke_width(6)),
            PathElement::new(costs.clone(), COST.stroke_width(2)),
        ])?;
        if let [only] = costs.as_slice() {
            chart.draw_series([Circle::new(*only, 4, COST.filled())])?;
        }
    }
    let every = label_every(steps.len(), width);
    for (position, step) in steps.iter().enumerate().step_by(every) {
        let (x, y) = chart.backend_coord(&(position as f64 + 0.5, grid.low));
        let label = step.from.format("%-d %b").to_string();
        area.draw(&Text::new(
            label,
            (x, y + DAYS_HEIGHT / 2 + 2),
            style(width, LABEL, Align::Middle),
        ))?;
    }
    Ok(())
}

/// How many steps share a label, so that labels do not touch.
fn label_every(steps: usize, width: Width) -> usize {
    let room = if width == Width::Wide { 14 } else { 5 };
    let every = steps.div_ceil(room).max(1);
    // A week is what people count in.
    if (4..=7).contains(&every) { 7 } else { every }
}

/// An amount as a height; charts alone may be inexact.
fn height(amount: Decimal) -> f64 {
    amount.to_f64().unwrap_or_default()
}

/// The lines across a chart, at round amounts.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Grid {
    low: f64,
    high: f64,
    step: f64,
}

impl Grid {
    fn over(steps: &[StepFigures]) -> Self {
        let mut low = 0.0_f64;
        let mut high = 0.0_f64;
        for step in steps {
            for amount in [step.attributed, step.attributed + step.unattributed, step.cost] {
                low = low.min(height(amount));
                high = high.max(height(amount));
            }
        }
        if high - low <= 0.0 {
            high = low + 1.0;
        }
        let step = round_step((high - low) / LINES);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    fn lines(self) -> impl Iterator<Item = f64> {
        let count = ((self.high - self.low) / self.step).round() as u32;
        (0..=count).map(move |line| self.low + f64::from(line) * self.step)
    }
}

/// The next of 1, 2, 2.5 and 5 times a power of ten.
fn round_step(at_least: f64) -> f64 {
    let power = 10_f64.powf(at_least.log10().floor());
    for factor in [1.0, 2.0, 2.5, 5.0] {
        if factor * power >= at_least {
            return factor * power;
        }
    }
    10.0 * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_at_round_amounts() {
        for (at_least, step) in
            [(0.9, 1.0), (1.1, 2.0), (21.0, 25.0), (260.0, 500.0), (6_000.0, 10_000.0)]
        {
            assert!((round_step(at_least) - step).abs() < 1e-9, "{at_least}");
        }
    }

    #[test]
    fn labels_do_not_touch() {
        assert_eq!(label_every(31, Width::Wide), 3);
        assert_eq!(label_every(31, Width::Narrow), 7);
        assert_eq!(label_every(1, Width::Narrow), 1);
    }
}
