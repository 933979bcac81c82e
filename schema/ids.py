"""Ids in arguments: an id that is none, or of another type, is treated like one that does not exist."""

from __future__ import annotations

import uuid

from kernel import ids

__all__ = ["NOBODY", "read_id"]

# An id that no object has: what a malformed one stands for, so that ids cannot be probed by their shape.
NOBODY = uuid.UUID(int=2**128 - 1)


def read_id(prefix: str, text: str) -> uuid.UUID:
    """The UUID of an id of this type."""
    try:
        return ids.decode(prefix, text)
    except ids.IdError:
        return NOBODY
