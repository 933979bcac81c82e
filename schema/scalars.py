"""Scalars: how amounts, times and codes are written on the wire."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, date, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

from kernel.money import CURRENCIES

__all__ = ["SCALARS", "UUID", "BigInt", "CurrencyCode", "Date", "DateTime", "Decimal"]

DateTime = NewType("DateTime", datetime)
Date = NewType("Date", date)
UUID = NewType("UUID", uuid.UUID)
Decimal = NewType("Decimal", str)
BigInt = NewType("BigInt", int)
CurrencyCode = NewType("CurrencyCode", str)

# RFC 3339 has a zone and no week dates, unlike the ISO 8601 that Python reads.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", re.ASCII)


def time_out(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_in(value: Any) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise GraphQLError("a time is written as in RFC 3339, such as 2026-01-31T23:59:59.000Z")
    try:
        return datetime.fromisoformat(value.upper().replace("Z", "+00:00")).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError("there is no such time") from error


def date_in(value: Any) -> date:
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise GraphQLError("a date is written as 2026-01-31")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise GraphQLError("there is no such date") from error


def uuid_in(value: Any) -> uuid.UUID:
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise GraphQLError("a UUID is written as in RFC 9562, such as 0190c7a8-…")
    return uuid.UUID(value)


def text_in(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError('an amount is a string, such as "1250.00": numbers lose digits on the way')
    return value


def currency_in(value: Any) -> str:
    if not isinstance(value, str) or value not in CURRENCIES:
        raise GraphQLError("this bank does not know this currency")
    return value


def big_in(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,18}", value, re.ASCII):
        raise GraphQLError("a BigInt is a string of digits")
    return int(value)


def _string(parse: Any) -> Any:
    """Literals in the document are read like variables, and only strings are."""

    def read(node: ValueNode, variables: Any = None) -> Any:
        return parse(node.value if isinstance(node, StringValueNode) else None)

    return read


def _scalar(name: str, description: str, out: Any, parse: Any, url: str | None = None) -> ScalarDefinition:
    return strawberry.scalar(name=name, description=description, serialize=out, parse_value=parse, parse_literal=_string(parse), specified_by_url=url)


SCALARS: dict[Any, ScalarDefinition] = {
    DateTime: _scalar("DateTime", "A moment in UTC with milliseconds, as in RFC 3339.", time_out, time_in, "https://www.rfc-editor.org/rfc/rfc3339"),
    Date: _scalar(
        "Date",
        "A day, in the time zone of the account holder's country.",
        date.isoformat,
        date_in,
        "https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
    ),
    UUID: _scalar("UUID", "A UUID in its usual form.", str, uuid_in, "https://www.rfc-editor.org/rfc/rfc9562"),
    Decimal: _scalar(
        "Decimal",
        "Decimal number as a string.",
        str,
        text_in,
        "https://json-schema.org/understanding-json-schema/reference/string",
    ),
    BigInt: _scalar("BigInt", "Counts and versions that may pass 2^31; serialised as a string.", str, big_in),
    CurrencyCode: _scalar("Currency", "ISO 4217 code.", str, currency_in),
}
