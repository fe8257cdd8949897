"""Moments of the believable month, in whole milliseconds since 1970, and the days of calendars.

Berlin's days are reckoned here: a machine without a time zone database makes the same month.
"""

from datetime import date, datetime, timedelta, timezone

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BERLIN = "Europe/Berlin"
EPOCH = date(1970, 1, 1)


def midnight(day: date) -> int:
    """The beginning of a day in UTC."""
    return (day - EPOCH).days * DAY


def in_berlin(day: date, since_midnight: int) -> int:
    """The moment at which the clocks of Berlin show so much on a day."""
    shown = midnight(day) + since_midnight
    return shown - berlin_offset(shown - HOUR)


def berlin_offset(at: int) -> int:
    """How far Berlin is ahead of UTC: the rule of the European Union since 1996."""
    year = utc(at).year
    begins, ends = (last_sunday(date(year, month, 31)) + HOUR for month in (3, 10))
    return 2 * HOUR if begins <= at < ends else HOUR


def last_sunday(last_of_month: date) -> int:
    return midnight(last_of_month - timedelta(days=(last_of_month.weekday() + 1) % 7))


def berlin_day(at: int) -> date:
    return utc_day(at + berlin_offset(at))


def utc_day(at: int) -> date:
    return EPOCH + timedelta(days=at // DAY)


def local_day(at: int, zone: str) -> date:
    """The day of a moment in a time zone, an IANA name."""
    if zone == BERLIN:
        return berlin_day(at)
    if zone == "UTC":
        return utc_day(at)
    from zoneinfo import ZoneInfo  # Not every machine has its database, and hardly anybody asks for it.

    return utc(at).astimezone(ZoneInfo(zone)).date()


def utc(at: int) -> datetime:
    return datetime.fromtimestamp(at // SECOND, timezone.utc)


def plain(at: int) -> str:
    """`2026-10-24 09:12:33.123`"""
    return f"{utc(at):%Y-%m-%d %H:%M:%S}.{at % SECOND:03d}"


def iso(at: int) -> str:
    """`2026-10-24T09:12:33.123Z`"""
    return f"{utc(at).isoformat()[:19]}.{at % SECOND:03d}Z"
