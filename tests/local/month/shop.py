"""The invented shop of the believable month: what it sells, how people find it, and who they are."""

import base64
import hashlib
from dataclasses import dataclass, field

BRAND = "Kranich & Bohne"
SITE = "https://www.kranich-bohne.example"
TIME_ZONE = "Europe/Berlin"
CURRENCY = "EUR"


@dataclass(frozen=True)
class Product:
    sku: str
    name: str
    path: str
    cents: int
    weight: int


PRODUCTS = [
    Product("KB-101", "Hausröstung Kranich, 1 kg", "/kaffee/hausroestung-kranich", 2490, 30),
    Product("KB-102", "Espresso Nachtzug, 1 kg", "/kaffee/espresso-nachtzug", 2790, 28),
    Product("KB-103", "Äthiopien Guji, 250 g", "/kaffee/aethiopien-guji", 1290, 22),
    Product("KB-104", "Entkoffeiniert Mondschein, 500 g", "/kaffee/mondschein", 1690, 10),
    Product("KB-105", "Probierpaket, 4 × 125 g", "/kaffee/probierpaket", 1990, 16),
    Product("KB-201", "Handfilter aus Porzellan", "/zubehoer/handfilter", 2450, 8),
    Product("KB-202", "Filterpapier, 200 Stück", "/zubehoer/filterpapier", 790, 16),
    Product("KB-203", "Tamper 58 mm", "/zubehoer/tamper", 3900, 5),
    Product("KB-301", "Mühle Wacholder", "/muehlen/wacholder", 14900, 5),
    Product("KB-302", "Mühle Eiche Pro", "/muehlen/eiche-pro", 32900, 2),
    Product("KB-401", "Espressomaschine Lerche", "/espressomaschinen/lerche", 54900, 2),
    Product("KB-402", "Espressomaschine Falke Zweikreis", "/espressomaschinen/falke", 124900, 1),
]


@dataclass(frozen=True)
class Way:
    """How somebody comes to the shop. Weights are those of people who come first and of those who come back."""

    name: str
    first: float
    back: float
    buys: float
    landing: str = "/"
    referrer: str = ""


@dataclass(frozen=True)
class GoogleCampaign(Way):
    """A campaign of Google Ads; the landing address bears a `gclid`."""

    kind: str = "SEARCH"
    network: str = "SEARCH"
    click_micros: int = 600_000
    click_rate: float = 0.05
    keyword: str | None = None


@dataclass(frozen=True)
class UtmCampaign(Way):
    """A campaign that is known by what stands in the landing address."""

    source: str = ""
    medium: str | None = None
    paid: bool = True


GOOGLE = "https://www.google.com/"
BRAND_SEARCH = GoogleCampaign("Brand Search DE", 9, 8, 0.19, "/", GOOGLE, "SEARCH", "SEARCH", 980_000, 0.22, "kranich und bohne")
GENERIC_SEARCH = GoogleCampaign("Generic Search Coffee", 13, 3, 0.07, "/kaffee", GOOGLE, "SEARCH", "SEARCH", 4_150_000, 0.048, "kaffeebohnen kaufen")
SHOPPING = GoogleCampaign(
    "Shopping Espresso Machines", 11, 4, 0.10, "/espressomaschinen/lerche", GOOGLE, "SHOPPING", "SEARCH", 3_250_000, 0.012
)
PERFORMANCE_MAX = GoogleCampaign("Performance Max Autumn", 8, 3, 0.09, "/herbst", GOOGLE, "PERFORMANCE_MAX", "MIXED", 2_870_000, 0.018)
RETARGETING = GoogleCampaign(
    "Retargeting Display", 0, 9, 0.13, "/", "https://googleads.g.doubleclick.net/", "DISPLAY", "CONTENT", 2_160_000, 0.006
)
VIDEO = GoogleCampaign("YouTube Prospecting Crema", 4, 0, 0.0, "/herbst", "https://www.youtube.com/", "VIDEO", "YOUTUBE", 1_290_000, 0.004)
GOOGLE_CAMPAIGNS = [BRAND_SEARCH, GENERIC_SEARCH, SHOPPING, PERFORMANCE_MAX, RETARGETING, VIDEO]

META = UtmCampaign("Meta_Prospecting_Autumn", 11, 3, 0.06, "/herbst", "https://l.facebook.com/", "facebook", "paid_social")
NEWSLETTER = UtmCampaign("Roestpost", 0.5, 13, 0.17, "/herbst", "", "newsletter", "email", paid=False)
AFFILIATE = UtmCampaign("Herbsttipps", 3, 1, 0.13, "/kaffee/probierpaket", "https://espressofreunde.example/", "Espressofreunde", None)
SOCIAL = UtmCampaign("story-link", 2, 2, 0.05, "/", "https://l.instagram.com/", "instagram", "social", paid=False)
LISTING = UtmCampaign("business-profile", 2, 2, 0.11, "/", GOOGLE, "google", "organic", paid=False)
ORGANIC = Way("organic", 20, 14, 0.09, "/kaffee", GOOGLE)
DIRECT = Way("direct", 14, 30, 0.14)
WAYS = [*GOOGLE_CAMPAIGNS, META, NEWSLETTER, AFFILIATE, SOCIAL, LISTING, ORGANIC, DIRECT]

FIRST_NAMES = "Anna Ben Carla David Elif Felix Greta Hannes Ida Jonas Katrin Leon Mila Noah Olga Paul Rosa Samir Tilda Yusuf".split()
LAST_NAMES = "Ahrens Brandt Celik Dietz Engel Falk Graf Hartwig Ivers Jung Kern Lorenz Mohn Nolte Otten Petri Quast Rieger Sander Thal Voss Wendt".split()

# What an order is called of which nothing is left.
CANCELLED = ["cancelled", "canceled", "refunded", "returned", "voided", "failed"]

DEVICES = ["DESKTOP", "MOBILE", "TABLET"]
USER_AGENTS = {
    "DESKTOP": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "MOBILE": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
    "TABLET": "Mozilla/5.0 (Linux; Android 16; Tablet) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
}


class Names:
    """Every id of a month: those of two months with different names never meet."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.digits = f"{int.from_bytes(self.digest('digits', 0)[:8], 'big') % 90_000_000 + 10_000_000}"

    def digest(self, kind: str, number: int) -> bytes:
        return hashlib.sha512(f"{self.name}/{kind}/{number}".encode()).digest()

    def anonymous(self, number: int) -> str:
        return self.unique("anonymous", number)

    def message(self, number: int) -> str:
        return f"ajs-next-{self.unique('message', number)}"

    def unique(self, kind: str, number: int) -> str:
        """As a UUID is written."""
        digits = self.digest(kind, number).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"

    def customer(self, number: int) -> str:
        return f"{self.digits}{number:05d}"

    def order(self, number: int) -> str:
        return f"KB-{self.name}-{number:05d}"

    def email(self, first: str, last: str, number: int) -> str:
        return f"{first}.{last}.{number}@{self.name}.example".lower()

    def click(self, number: int) -> str:
        """A gclid, about as long as Google's."""
        return "Cj0KCQ" + base64.urlsafe_b64encode(self.digest("click", number)[:42]).decode() + "EALw_wcB"

    @property
    def account(self) -> str:
        """The customer id of Google Ads: ten digits."""
        return self.digits + f"{int.from_bytes(self.digest('account', 0)[:2], 'big') % 100:02d}"

    def campaign(self, campaign: GoogleCampaign) -> str:
        return f"2{self.digits}{GOOGLE_CAMPAIGNS.index(campaign) + 11}"


@dataclass
class Device:
    """A browser, and what it remembers: whom it was told of, and from when on."""

    anonymous_id: str
    kind: str
    address: str
    clock_error: int = 0
    is_known: bool = False
    user_id: str | None = None
    user_from: int = 0
    clicks: list = field(default_factory=list)

    def carried_user(self, at: int) -> str | None:
        return self.user_id if self.user_id and at >= self.user_from else None


@dataclass
class Touch:
    """That somebody came by way of a campaign."""

    at: int
    way: GoogleCampaign | UtmCampaign
    click: "Click | None" = None

    @property
    def is_paid(self) -> bool:
        return not isinstance(self.way, UtmCampaign) or self.way.paid


@dataclass
class Click:
    """A click that Google counts; most of them never buy."""

    gclid: str
    campaign: GoogleCampaign
    at: int
    device: str
    was_seen: bool = False


@dataclass
class Person:
    """Somebody, with all that they did: who they really are, whatever the data says of them."""

    number: int
    name: str
    email: str
    country: str = "DE"
    mode: str = "user"
    customer_id: str | None = None
    devices: list[Device] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    last_seen: int = 0
    never_buys: bool = False
    never_returns: bool = False


@dataclass
class Order:
    """An order as the shop has it; in the end, what is left of it."""

    id: str
    person: Person
    ordered_at: int
    currency: str
    cents: int
    discount: int = 0
    click: Click | None = None
    status: str = "paid"
    updated_at: int = 0
    is_deleted: bool = False

    @property
    def counts(self) -> bool:
        """Whether anything of it is left: what was cancelled, refunded or deleted is taken back whole."""
        return not self.is_deleted and self.status not in CANCELLED
