"""Google Ads' side of the believable month: every click, what it cost, what Google claims for it, and the answers of its API as
`google-ads-pull` lands them."""

import gzip
import json
import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from .clock import DAY, HOUR, MINUTE, berlin_day, in_berlin, midnight, utc
from .shop import CURRENCY, DEVICES, GOOGLE_CAMPAIGNS, RETARGETING, TIME_ZONE, VIDEO, Click, GoogleCampaign, Names

ROWS_A_PAGE = 1000
# What is clicked and never seen in the shop: visitors who are gone at once, or let nobody measure them.
UNSEEN_SHARE = 0.3
MICROS = 1_000_000


@dataclass
class Metrics:
    """Of a campaign, a day and a device; conversions and their value in hundredths."""

    impressions: int = 0
    clicks: int = 0
    micros: int = 0
    conversions: int = 0
    value: int = 0


# What was asked for, as Google repeats it.
FIELD_MASKS = {
    "campaign_daily": "customer.id,customer.currencyCode,customer.timeZone,campaign.id,campaign.name,campaign.status,"
    "campaign.advertisingChannelType,metrics.impressions,metrics.clicks,metrics.costMicros,metrics.conversions,"
    "metrics.conversionsValue,segments.date,segments.device,segments.adNetworkType",
    "click_view": "customer.id,customer.timeZone,campaign.id,campaign.name,adGroup.id,adGroup.name,clickView.gclid,"
    "clickView.keywordInfo.text,clickView.keywordInfo.matchType,clickView.pageNumber,metrics.clicks,segments.date,"
    "segments.device,segments.adNetworkType,segments.clickType",
}

Report = dict[tuple[date, GoogleCampaign, str], Metrics]


def in_order(report: Report) -> list[tuple[tuple[date, GoogleCampaign, str], Metrics]]:
    return sorted(report.items(), key=lambda item: (item[0][0], GOOGLE_CAMPAIGNS.index(item[0][1]), item[0][2]))


def is_paused(campaign: GoogleCampaign, day: date) -> bool:
    """Retargeting rests at weekends: no impression, no click, no cost."""
    return campaign is RETARGETING and day.weekday() >= 5


class Ads:
    """Takes clicks and keeps the account's books."""

    def __init__(self, names: Names, seed: str, days: list[date], end: int) -> None:
        self.names = names
        self.chance = random.Random(f"{seed}/ads")
        self.days = days
        self.end = end
        self.clicks: list[Click] = []

    def click(self, campaign: GoogleCampaign, at: int, device: str, was_seen: bool = True) -> Click:
        click = Click(self.names.click(len(self.clicks)), campaign, at, device, was_seen)
        self.clicks.append(click)
        return click

    def add_unseen_clicks(self) -> None:
        """Clicks of people whom the shop never saw."""
        for click in list(self.clicks):
            day = berlin_day(click.at)
            if day >= self.days[0] and self.chance.random() < UNSEEN_SHARE:
                at = in_berlin(day, self.chance.randint(HOUR, 23 * HOUR))
                device = self.chance.choices(DEVICES, [30, 65, 5])[0]
                self.click(click.campaign, at, device, was_seen=False)

    @property
    def unreported(self) -> date:
        """The last day: its clicks are not pulled yet."""
        return self.days[-1]

    def key(self, click: Click) -> str:
        """The campaign to which an order is credited, as far as Google has told it."""
        if berlin_day(click.at) == self.unreported:
            return "google_ads/unknown"
        return self.campaign_key(click.campaign)

    def campaign_key(self, campaign: GoogleCampaign) -> str:
        return f"google_ads/{self.names.account}/{self.names.campaign(campaign)}"

    # What campaigns cost, and what Google claims.

    def report(self, orders: list) -> Report:
        report: Report = defaultdict(Metrics)
        for click in self.clicks:
            metrics = report[berlin_day(click.at), click.campaign, click.device]
            metrics.clicks += 1
            micros = int(click.campaign.click_micros * self.chance.uniform(0.6, 1.4))
            # A click has a price in cents; Performance Max's are shares of what several networks took.
            metrics.micros += micros if click.campaign.network == "MIXED" else micros // 10_000 * 10_000
        for day in self.days:
            for campaign in GOOGLE_CAMPAIGNS:
                for device in DEVICES:
                    if not is_paused(campaign, day):
                        metrics = report[day, campaign, device]
                        seen = (metrics.clicks + self.chance.random()) / campaign.click_rate
                        metrics.impressions = max(metrics.clicks, int(seen * self.chance.uniform(0.85, 1.15)))
        self._claim(report, orders)
        return {key: metrics for key, metrics in report.items() if key[0] in self.days and metrics.impressions}

    def _claim(self, report: Report, orders: list) -> None:
        """Google claims an order for its own last click, on the day of the click, whatever came after it; and some that it thinks
        somebody saw an advertisement of. Refunds it never hears of."""
        for order in orders:
            window = order.ordered_at - 30 * DAY
            before = [touch.click for touch in order.person.touches if touch.click and window < touch.at <= order.ordered_at]
            if before and self.chance.random() < 0.93:
                click = max(before, key=lambda click: click.at)
                metrics = report[berlin_day(click.at), click.campaign, click.device]
                metrics.conversions += 100
                metrics.value += order.cents
        for (_, campaign, _), metrics in in_order(report):
            if campaign.network != "SEARCH" and metrics.impressions and self.chance.random() < 0.5:
                seen = self.chance.randint(5, 95)
                metrics.conversions += seen
                metrics.value += seen * self.chance.randint(30, 90)

    def corrected(self, report: Report, days: list[date]) -> Report:
        """Days as they are pulled again: invalid clicks are paid back, late conversions have come in. On the first of them nothing of
        the video campaign was valid: it is gone from the answer."""
        found: Report = {}
        for (day, campaign, device), was in report.items():
            if day in days and (day, campaign) != (days[0], VIDEO):
                refund = was.micros // 12 // 10_000 * 10_000
                invalid = min(was.clicks, 1) if refund else 0
                late = self.chance.randint(20, 140) if was.clicks else 0
                found[day, campaign, device] = Metrics(
                    was.impressions, was.clicks - invalid, was.micros - refund, was.conversions + late, was.value + late * 55
                )
        return found

    # Answers.

    def campaign_file(self, report: Report, first: date, last: date, pulled_at: int) -> tuple[str, bytes]:
        results = []
        for (day, campaign, device), metrics in in_order(report):
            results.append({
                "customer": self._customer() | {"currencyCode": CURRENCY},
                "campaign": self._campaign(campaign) | {"status": "ENABLED", "advertisingChannelType": campaign.kind},
                "metrics": {
                    "clicks": str(metrics.clicks),
                    "conversions": metrics.conversions / 100,
                    "conversionsValue": metrics.value / 100,
                    "costMicros": str(metrics.micros),
                    "impressions": str(metrics.impressions),
                },
                "segments": {"adNetworkType": campaign.network, "date": str(day), "device": device},
            })
        return self._landed("campaign_daily", first, last, pulled_at, results)

    def click_file(self, day: date, clicks: list[Click], pulled_at: int) -> tuple[str, bytes]:
        results = []
        for click in sorted(clicks, key=lambda click: click.gclid):
            view = {"resourceName": f"customers/{self.names.account}/clickViews/{day}~{click.gclid}", "gclid": click.gclid, "pageNumber": "1"}
            if click.campaign.keyword:
                view["keywordInfo"] = {"matchType": "PHRASE", "text": click.campaign.keyword}
            group = f"7{self.names.campaign(click.campaign)[1:]}"
            results.append({
                "customer": self._customer(),
                "campaign": self._campaign(click.campaign),
                "adGroup": {"resourceName": f"customers/{self.names.account}/adGroups/{group}", "id": group, "name": "Kaffee"},
                "clickView": view,
                "metrics": {"clicks": "1"},
                "segments": {"adNetworkType": click.campaign.network, "clickType": "URL_CLICKS", "date": str(day), "device": click.device},
            })
        return self._landed("click_view", day, day, pulled_at, results)

    def _customer(self) -> dict:
        return {"resourceName": f"customers/{self.names.account}", "id": self.names.account, "timeZone": TIME_ZONE}

    def _campaign(self, campaign: GoogleCampaign) -> dict:
        number = self.names.campaign(campaign)
        return {"resourceName": f"customers/{self.names.account}/campaigns/{number}", "id": number, "name": campaign.name}

    def _landed(self, report: str, first: date, last: date, pulled_at: int, results: list) -> tuple[str, bytes]:
        pages = []
        for position in range(0, len(results), ROWS_A_PAGE):
            request = self.names.unique(f"request/{report}/{first}/{pulled_at}", position)
            pages.append({"results": results[position : position + ROWS_A_PAGE], "fieldMask": FIELD_MASKS[report], "requestId": request})
        moment = f"{utc(pulled_at):%Y%m%dT%H%M%S}{pulled_at % 1000:03d}Z"
        key = f"google-ads/search-stream/{report}/{self.names.account}/{first}_{last}/{moment}.json.gz"
        return key, gzip.compress(json.dumps(pages, separators=(",", ":")).encode(), compresslevel=6, mtime=0)

    def files(self, orders: list) -> tuple[dict[str, bytes], Report, int, int]:
        """The files, the report that holds in the end, and how many rows the two tables get."""
        report = self.report(orders)
        middle = len(self.days) // 3
        again = self.days[middle : middle + 2]
        corrected = self.corrected(report, again)
        files = dict([
            self.campaign_file(report, self.days[0], self.days[-1], self.end + 5 * MINUTE + 17_123),
            self.campaign_file(corrected, again[0], again[-1], self.end + 20 * MINUTE + 5_042),
        ])
        by_day: dict[date, list[Click]] = defaultdict(list)
        for click in self.clicks:
            by_day[berlin_day(click.at)].append(click)
        by_day.pop(self.unreported, None)
        for day, clicks in sorted(by_day.items()):
            key, body = self.click_file(day, clicks, midnight(day) + 33 * HOUR + self.chance.randint(0, 600_000))
            files[key] = body
        holds = {key: metrics for key, metrics in report.items() if key[0] not in again} | corrected
        return files, holds, len(report) + len(corrected), sum(map(len, by_day.values()))
