"""What is true of the believable month, by what its world knows: whose touch was whose, and what became of each order."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from .ads import Report
from .clock import DAY, berlin_day, iso, local_day
from .shop import CANCELLED, CURRENCY, GoogleCampaign, Order, Touch
from .world import World

WINDOW_DAYS = 30
UNPAID_MEDIA = ["email", "e-mail", "newsletter", "organic", "referral", "social", "sms", "push", "internal", "direct", "none"]
UNATTRIBUTED = "unattributed"


@dataclass
class Row:
    """A campaign on a day, in one currency. Money is in hundredths, cost in millionths."""

    campaign: str | None = None
    micros: int = 0
    impressions: int = 0
    clicks: int = 0
    conversions: int = 0
    value: int = 0
    orders: int = 0
    cents: int = 0


def truth_of(world: World, report: Report, zone: str) -> dict:
    rows: dict[tuple[str, str, str], Row] = defaultdict(Row)
    orders = {}
    for order in world.shop.orders:
        if order.counts:
            key, name = credit(world, order)
            day = order_day(order, key, zone)
            row = rows[str(day), order.currency, key]
            row.campaign = name
            row.orders += 1
            row.cents += order.cents
            orders[order.id] = {
                "ordered_at": iso(order.ordered_at), "date": str(day), "currency": order.currency,
                "revenue": amount(order.cents, 2), "campaign_key": key,
            }
    for (day, campaign, _), metrics in report.items():
        row = rows[str(day), CURRENCY, world.ads.campaign_key(campaign)]
        row.campaign = campaign.name
        row.micros += metrics.micros
        row.impressions += metrics.impressions
        row.clicks += metrics.clicks
        row.conversions += metrics.conversions
        row.value += metrics.value
    return {
        "rule": {
            "model": "last", "window_days": WINDOW_DAYS, "time_zone": zone, "unpaid_media": UNPAID_MEDIA, "cancelled": CANCELLED,
        },
        "account": {"customer_id": world.names.account, "currency": CURRENCY, "time_zone": "Europe/Berlin"},
        "currency_totals": currency_totals(rows),
        "revenue_total": {currency: total["revenue"] for currency, total in currency_totals(rows).items()},
        "rows": [written(*key, rows[key]) for key in sorted(rows)],
        "orders": dict(sorted(orders.items())),
    }


def credit(world: World, order: Order) -> tuple[str, str | None]:
    """The key and the name of the campaign that an order is owed to."""
    within = [touch for touch in order.person.touches if order.ordered_at - WINDOW_DAYS * DAY < touch.at <= order.ordered_at]
    paid = [touch for touch in within if touch.is_paid]
    if paid:
        return campaign_of(world, max(paid, key=lambda touch: touch.at))
    if order.click and not order.click.was_seen and not within:
        return campaign_of(world, Touch(order.click.at, order.click.campaign, order.click))
    return UNATTRIBUTED, None


def campaign_of(world: World, touch: Touch) -> tuple[str, str | None]:
    if isinstance(touch.way, GoogleCampaign):
        key = world.ads.key(touch.click)
        return key, None if key.endswith("/unknown") else touch.way.name
    return f"utm/{touch.way.source}/{touch.way.name}".lower(), touch.way.name


def order_day(order: Order, key: str, zone: str) -> date:
    """In the account's calendar where there is an account, else in the report's."""
    has_account = key.startswith("google_ads/") and not key.endswith("/unknown")
    return berlin_day(order.ordered_at) if has_account else local_day(order.ordered_at, zone)


def written(day: str, currency: str, key: str, row: Row) -> dict:
    return {
        "date": day, "currency": currency, "campaign_key": key, "campaign": row.campaign,
        "cost": amount(row.micros, 6), "impressions": row.impressions, "clicks": row.clicks,
        "conversions": amount(row.conversions, 2), "conversions_value": amount(row.value, 2),
        "orders": str(row.orders), "revenue": amount(row.cents, 2),
    }


def currency_totals(rows: dict[tuple[str, str, str], Row]) -> dict[str, dict[str, str]]:
    cost, orders, cents = Counter(), Counter(), Counter()
    for (_, currency, _), row in rows.items():
        cost[currency] += row.micros
        orders[currency] += row.orders
        cents[currency] += row.cents
    return {
        currency: {"cost": amount(cost[currency], 6), "orders": str(orders[currency]), "revenue": amount(cents[currency], 2)}
        for currency in sorted(orders)
    }


def amount(unscaled: int, scale: int) -> str:
    """Without zeros at the end: `12.3`."""
    return f"{Decimal(unscaled).scaleb(-scale).normalize():f}"
