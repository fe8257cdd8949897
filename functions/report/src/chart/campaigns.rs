//! What each campaign cost and earned, side by side.

use plotters::element::{Rectangle, Text};
use plotters::style::{Color as _, RGBColor};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::{
    ATTRIBUTED, Align, Area, COST, ChartError, GRID, LABEL, NAME, Width, cut, draw, style,
};
use crate::figures::Figures;
use crate::text::{money, short_money};

/// Campaigns that are shown by themselves.
const MOST: usize = 12;

/// A bar's thickness.
const BAR: i32 = 11;

/// Between the bars of a campaign.
const GAP: i32 = 4;

/// A campaign, or all the others.
struct Bars {
    name: String,
    revenue: Decimal,
    cost: Decimal,
}

/// Where things stand.
struct Layout {
    width: Width,
    /// Where bars begin.
    left: i32,
    /// How long the longest may be.
    longest: i32,
    /// From one campaign to the next.
    row: i32,
    /// Where bars begin within a row.
    top: i32,
    /// Letters of a name.
    letters: usize,
}

/// Bars of revenue and of cost for the campaigns that earned most; none where nothing is owed to any.
pub fn campaigns(figures: &Figures, width: Width) -> Result<Option<String>, ChartError> {
    let bars = bars(figures);
    let most = bars.iter().map(|bars| bars.revenue.max(bars.cost)).max().unwrap_or_default();
    if most <= Decimal::ZERO {
        return Ok(None);
    }
    let layout = Layout::of(width);
    let height = layout.row * bars.len() as i32 + 8;
    let svg = draw(width, height as u32, &description(figures), |area| {
        for (position, bars) in bars.iter().enumerate() {
            let y = 4 + layout.row * position as i32;
            paint(area, &layout, y, bars, most, &figures.currency)?;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

fn description(figures: &Figures) -> String {
    let best = figures.campaigns.iter().find(|campaign| !campaign.is_unattributed());
    let best = best.map_or_else(String::new, |best| {
        format!(
            " {} comes first with {} for {}.",
            best.name(),
            money(best.revenue, &figures.currency),
            money(best.cost, &figures.currency)
        )
    });
    format!("Revenue and cost by campaign.{best}")
}

fn bars(figures: &Figures) -> Vec<Bars> {
    let mut campaigns: Vec<_> =
        figures.campaigns.iter().filter(|campaign| !campaign.is_unattributed()).collect();
    let others = campaigns.split_off(campaigns.len().min(MOST));
    let mut bars: Vec<Bars> = campaigns
        .into_iter()
        .map(|campaign| Bars {
            name: campaign.name(),
            revenue: campaign.revenue,
            cost: campaign.cost,
        })
        .collect();
    if !others.is_empty() {
        let sum = |amounts: &mut dyn Iterator<Item = Decimal>| {
            amounts.fold(Decimal::ZERO, Decimal::saturating_add)
        };
        bars.push(Bars {
            name: format!("{} others", others.len()),
            revenue: sum(&mut others.iter().map(|campaign| campaign.revenue)),
            cost: sum(&mut others.iter().map(|campaign| campaign.cost)),
        });
    }
    bars
}

impl Layout {
    /// Names stand before the bars, or above them where there is no room.
    fn of(width: Width) -> Self {
        let units = width.units() as i32;
        match width {
            Width::Wide => {
                Self { width, left: 268, longest: units - 268 - 84, row: 44, top: 9, letters: 36 }
            }
            Width::Narrow => {
                Self { width, left: 2, longest: units - 2 - 66, row: 62, top: 24, letters: 48 }
            }
        }
    }
}

fn paint(
    area: &Area<'_>,
    layout: &Layout,
    y: i32,
    bars: &Bars,
    most: Decimal,
    currency: &str,
) -> Result<(), ChartError> {
    let name = cut(&bars.name, layout.letters);
    let top = y + layout.top;
    let (at, align) = match layout.width {
        Width::Wide => ((layout.left - 14, top + BAR + GAP / 2), Align::End),
        Width::Narrow => ((layout.left, y + 10), Align::Start),
    };
    area.draw(&Text::new(name, at, style(layout.width, NAME, align)))?;
    for (position, (amount, color)) in
        [(bars.revenue, ATTRIBUTED), (bars.cost, COST)].into_iter().enumerate()
    {
        let top = top + position as i32 * (BAR + GAP);
        bar(area, layout, top, amount, color, most, currency)?;
    }
    Ok(())
}

fn bar(
    area: &Area<'_>,
    layout: &Layout,
    top: i32,
    amount: Decimal,
    color: RGBColor,
    most: Decimal,
    currency: &str,
) -> Result<(), ChartError> {
    let share = amount.max(Decimal::ZERO).checked_div(most).unwrap_or_default();
    let length = share.to_f64().unwrap_or_default() * f64::from(layout.longest);
    let length = if amount > Decimal::ZERO { (length as i32).max(2) } else { 0 };
    let color = if length == 0 { GRID } else { color };
    let corners = [(layout.left, top), (layout.left + length.max(1), top + BAR)];
    area.draw(&Rectangle::new(corners, color.filled()))?;
    let label = if amount.is_zero() { "–".to_owned() } else { short_money(amount, currency) };
    let at = (layout.left + length + 8, top + BAR / 2);
    area.draw(&Text::new(label, at, style(layout.width, LABEL, Align::Start)))?;
    Ok(())
}
