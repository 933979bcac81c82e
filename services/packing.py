"""How orders travel to the posting function: as columns, so that neither side builds an object for each of their parts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import orjson

from services.orders import Leg, Order

__all__ = ["POST", "packed"]

# The columns of each of post()'s types, as models/migrations/0010_post_columns.sql has them. `free` is text that people wrote.
_COLUMNS = {
    "post_orders": "holder_id uuid, key uuid, operation text, request_hash bytea, subject_id uuid, payment_id uuid, refusal text, facts jsonb,"
    "expires_at timestamptz, posting_id uuid, kind text, value_date date, reverses_id uuid, leg_count integer, cap_count integer",
    "post_accounts": "id uuid, shard smallint",
    "post_legs": "place integer, line integer, account integer, minor bigint, kind text, description free, counterparty_name free,"
    "counterparty_number text, payment_id uuid, words text",
    "post_holds": "place integer, action text, id uuid, account integer, minor bigint, reason free, expires_at timestamptz",
    "post_payments": "place integer, account_id uuid, to_account_id uuid, payee_id uuid, minor bigint, currency text, receives_minor bigint,"
    "receives_currency text, fees jsonb, counterparty_name free, counterparty_number text, reference free, status text, fingerprint bigint,"
    "allow_duplicate boolean",
    "post_exchanges": "place integer, paid_minor bigint, paid_currency text, received_minor bigint, received_currency text, spread_minor bigint,"
    "mid_rate numeric, rounding numeric",
    "post_counters": "subject_id uuid, rule_id uuid, window_start timestamptz",
    "post_caps": "counter integer, resets_at timestamptz, minor bigint, count integer",
}
_NAMES, _KINDS = ({name: [column.split()[n] for column in columns.split(",")] for name, columns in _COLUMNS.items()} for n in (0, 1))


def _statement() -> str:
    """The call of post(): columns travel as array literals, for which the driver needs a tenth of the time that an array takes it."""
    number = itertools.count(1)
    rows = (
        ", ".join(f"${next(number)}::text[]" if kind == "free" else f"${next(number)}::text::{kind}[]" for kind in kinds) for kinds in _KINDS.values()
    )
    arguments = ", ".join(f"ROW({row})::{name}" for name, row in zip(_KINDS, rows, strict=True))
    return f"SELECT * FROM post({arguments})"  # noqa: S608  Our own names.


POST = _statement()
# In the place of an order's posting that has none.
NOTHING = SimpleNamespace(id=None, kind=None, value_date=None, reverses_id=None, legs=())


def packed(orders: Sequence[Order], *, shard: int) -> list[Any]:
    """The arguments of POST. `shard` is where legs that may go to any shard of a bank's account are counted."""
    places = [(place, len(order.posting.legs)) for place, order in enumerate(orders, 1) if order.posting is not None]
    legs = [leg for order in orders if order.posting is not None for leg in order.posting.legs]
    ids, *columns, shard_numbers, shard_counts = zip(*legs, strict=True) if legs else [()] * len(Leg._fields)
    leg_marks = [
        (True, id, shard % of + number) if found is None else (False, id, 0)
        for id, found, number, of in zip(ids, columns[-1], shard_numbers, shard_counts, strict=True)
    ]
    hold_places, holds = _found(orders, "hold")
    hold_marks = [(False, hold.account_id, 0) for hold in holds]
    # Sorted, they are in the order of locks: customers' accounts by id, then the bank's own.
    marks = sorted({*leg_marks, *hold_marks}, key=lambda mark: (mark[0], mark[1].int, mark[2]))
    accounts = {mark: place for place, mark in enumerate(marks, 1)}
    caps = [cap for order in orders for cap in order.caps]
    cap_marks = [(cap.subject_id, cap.rule_id, cap.window_start) for cap in caps]
    counters = {mark: place for place, mark in enumerate(dict.fromkeys(cap_marks), 1)}
    tables: dict[str, Iterable[Sequence[Any]]] = {
        "post_orders": _order_columns(orders),
        "post_accounts": [[id for _, id, _ in accounts], [number for _, _, number in accounts]],
        "post_legs": [
            [place for place, count in places for _ in range(count)],
            [line for _, count in places for line in range(1, count + 1)],
            [accounts[mark] for mark in leg_marks],
            *columns,
        ],
        "post_holds": [
            hold_places,
            *_columns(holds, ["action", "id"]),
            [accounts[mark] for mark in hold_marks],
            *_columns(holds, ["minor", "reason", "expires_at"]),
        ],
        "post_payments": _part(orders, "payment", _NAMES["post_payments"][1:]),
        "post_exchanges": _part(orders, "exchange", _NAMES["post_exchanges"][1:]),
        "post_counters": zip(*counters, strict=True) if counters else [()] * 3,
        "post_caps": [[counters[mark] for mark in cap_marks], *_columns(caps, ["resets_at", "minor", "count"])],
    }
    return [
        column if kind == "free" else _literal(column) for name, kinds in _KINDS.items() for kind, column in zip(kinds, tables[name], strict=True)
    ]


def _order_columns(orders: Sequence[Order]) -> list[Sequence[Any]]:
    postings = [order.posting or NOTHING for order in orders]
    return [
        *_columns(orders, ["holder_id", "key", "operation", "request_hash", "subject_id"]),
        [order.payment.id if order.payment else None for order in orders],
        [order.refusal for order in orders],
        [None if order.facts is None else orjson.dumps(order.facts, default=str).decode() for order in orders],
        [order.expires_at for order in orders],
        *_columns(postings, ["id", "kind", "value_date", "reverses_id"]),
        [len(posting.legs) for posting in postings],
        [len(order.caps) for order in orders],
    ]


def _part(orders: Sequence[Order], part: str, names: Sequence[str]) -> list[Sequence[Any]]:
    """The columns of a part that not every order has, behind that of the places of those that have it."""
    places, found = _found(orders, part)
    return [places, *_columns(found, names)]


def _found(orders: Sequence[Order], part: str) -> tuple[list[int], list[Any]]:
    found = [getattr(order, part) for order in orders]
    return [place for place, value in enumerate(found, 1) if value is not None], [value for value in found if value is not None]


def _columns(values: Sequence[Any], names: Sequence[str]) -> Sequence[Sequence[Any]]:
    """Attributes of all values, each as one column."""
    return list(zip(*map(attrgetter(*names), values), strict=True)) or [()] * len(names)


def _literal(column: Sequence[Any]) -> str:
    """A column as PostgreSQL writes arrays. But for the brackets that is JSON, as long as no text has a control character."""
    return "{" + orjson.dumps(column, default=str).decode()[1:-1] + "}"
