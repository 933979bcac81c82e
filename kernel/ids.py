"""Ids: UUIDv7 inside, TypeIDs (a type's prefix and the UUID in base 32) at the API."""

from __future__ import annotations

from typing import cast
from uuid import UUID

import uuid_utils
import uuid_utils.compat
from typeid import TypeID
from typeid.errors import TypeIDException

__all__ = ["ENTRIES_A_POSTING", "IdError", "decode", "encode", "entry_id", "new", "new_posting", "prefix_of"]

# A posting's id ends in a zero byte; its entries count on from it. So an entry's id names its posting, and one index serves both.
ENTRIES_A_POSTING = 255
_LAST_BYTE = 0xFF


class IdError(ValueError):
    """Not an id of ours, or of another type than was asked for."""


def new() -> UUID:
    """A fresh id; later ones sort behind earlier ones."""
    return uuid_utils.compat.uuid7()


def new_posting() -> UUID:
    """A fresh id of a posting, with room for its entries behind it."""
    return UUID(int=uuid_utils.compat.uuid7().int & ~_LAST_BYTE)


def entry_id(posting_id: UUID, line: int) -> UUID:
    """The id of a posting's entry; `line` counts from 1 to 255."""
    if not 1 <= line <= ENTRIES_A_POSTING:
        raise IdError("a posting has 1 to 255 entries")
    return UUID(int=posting_id.int + line)


def encode(prefix: str, id: UUID) -> str:
    """The id as clients see it, e.g. "acc_01h2xcejqtf2nbrexx3vqjhp41"."""
    return str(TypeID.from_uuid(prefix=prefix, suffix=cast("uuid_utils.UUID", id)))  # Its hint names one kind of UUID; any will do.


def decode(prefix: str, text: str) -> UUID:
    """The UUID in `text`.

    Raises:
        IdError: it is no TypeID, or of another type than `prefix`.
    """
    found, id = _parse(text)
    if found != prefix:
        raise IdError(f"an id of this type starts with {prefix}_")
    return id


def prefix_of(text: str) -> tuple[str, UUID]:
    """Prefix and UUID of any TypeID.

    Raises:
        IdError: it is none.
    """
    return _parse(text)


def _parse(text: str) -> tuple[str, UUID]:
    if len(text) > 64 or not text.isascii():
        raise IdError("not an id")
    try:
        parsed = TypeID.from_string(text)
    except TypeIDException as error:
        raise IdError("not an id") from error
    return parsed.prefix, UUID(int=parsed.uuid.int)
