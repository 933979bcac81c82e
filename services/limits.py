"""Limits: what a customer may pay in one payment, in a day, in a month, by their country's rules and calendar.

What one payment may be is decided here. What a day or a month may sum up to is decided by the posting function, under its locks,
from the caps that this module gives it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from uuid import UUID
from zoneinfo import ZoneInfo

from kernel.errors import Forbidden, LimitExceeded
from kernel.money import Money
from models.tariffs import LimitRule
from services.tariffs import Tariffs

__all__ = ["Cap", "caps", "check_one"]

_NAMESPACE = UUID("0d7c9f2e-52b4-5a37-8d0e-6f8f1f0a4b13")
_REMEMBERED = 1024  # Windows and rules of a day are few; yesterday's make room for today's.


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """What one limit allows its subject in one window; None in `amount_minor` or `count`: no limit of that sort.

    `window_start` and `resets_at` are UTC, and None for a limit on each payment. What is used is counted by subject, rule and window.
    """

    rule_id: UUID
    subject_id: UUID
    window_start: datetime | None
    resets_at: datetime | None
    amount_minor: int | None
    count: int | None


def caps(tariffs: Tariffs, *, country: str, tier: str, currency: str, customer_id: UUID, account_id: UUID, at: datetime) -> tuple[Cap, ...]:
    """The limits on a payment of `currency` from this customer's account at a moment, UTC and aware: on each payment first.

    Raises:
        Forbidden: nobody has said what such a customer may pay in this currency, so it is nothing.
    """
    jurisdiction = tariffs.jurisdiction(country)
    today = at.astimezone(jurisdiction.zone).date()
    rules = tariffs.limits(country=country, tier=tier, currency=currency, on=today)
    if not rules:
        raise Forbidden("payments in {currency} are not open to you; please ask us", field=("fromAccountId",), currency=currency)
    return tuple(_cap(rule, customer_id if rule.subject == "CUSTOMER" else account_id, jurisdiction.time_zone, today) for rule in rules)


def check_one(caps: Iterable[Cap], amount: Money) -> None:
    """The limits on each payment; `amount` is in the currency of the caps.

    Raises:
        LimitExceeded: of amount, without `resets_at`: waiting does not help.
    """
    for cap in caps:
        if cap.window_start is None and cap.amount_minor is not None and amount.minor > cap.amount_minor:
            limit = Money(cap.amount_minor, amount.currency)
            raise LimitExceeded(
                "one payment may be {limit} at most",
                field=("amount", "amount"),
                limit=limit,
                remaining=limit,
                count_limit=None,
                count_remaining=None,
                resets_at=None,
            )


def _cap(rule: LimitRule, subject_id: UUID, time_zone: str, today: date) -> Cap:
    start, end = _window(time_zone, rule.per, today)
    return Cap(
        rule_id=_rule_id(rule.country, rule.currency, rule.subject, rule.per, rule.direction),
        subject_id=subject_id,
        window_start=start,
        resets_at=end,
        amount_minor=rule.amount_minor,
        count=rule.count,
    )


@lru_cache(maxsize=_REMEMBERED)
def _rule_id(*names: str) -> UUID:
    """Neither tier nor version is among the names: who rises a tier, or whose limit is changed, has still paid what they paid today."""
    return uuid.uuid5(_NAMESPACE, " ".join(names))


@lru_cache(maxsize=_REMEMBERED)
def _window(time_zone: str, per: str, today: date) -> tuple[datetime, datetime] | tuple[None, None]:
    """From the midnight that began the day or the month to the one that ends it, in UTC."""
    if per == "PAYMENT":
        return None, None
    first = today if per == "DAY" else today.replace(day=1)
    after = first + timedelta(days=1) if per == "DAY" else (first + timedelta(days=31)).replace(day=1)
    zone = ZoneInfo(time_zone)
    return _midnight(first, zone), _midnight(after, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day. Where clocks leap over midnight it is the leap; where they show it twice, the first."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)
