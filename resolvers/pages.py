"""Pages of lists: the checked window that a client asked for, and what it gets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kernel.errors import RequestRefused

__all__ = ["DEFAULT_FIRST", "MAXIMUM_FIRST", "Page", "Window", "page", "window"]

DEFAULT_FIRST = 20
MAXIMUM_FIRST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """`limit` rows, from the list's beginning or, `backwards`, from its end, between two cursors (exclusive)."""

    limit: int
    backwards: bool = False
    after: Any = None
    before: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A part of a list; itself the row behind a connection and its PageInfo."""

    rows: Sequence[Any]
    has_next_page: bool
    has_previous_page: bool

    @property
    def start_cursor(self) -> str | None:
        return self.rows[0].cursor if self.rows else None

    @property
    def end_cursor(self) -> str | None:
        return self.rows[-1].cursor if self.rows else None


def window(*, first: int | None, after: Any, last: int | None, before: Any) -> Window:
    """The window of Relay's arguments.

    Raises:
        RequestRefused: BAD_REQUEST; both ends at once, or a number out of range.
    """
    if first is not None and last is not None:
        raise RequestRefused("BAD_REQUEST", "ask for first or for last, not for both")
    limit = last if last is not None else first if first is not None else DEFAULT_FIRST
    if not 0 <= limit <= MAXIMUM_FIRST:
        raise RequestRefused("BAD_REQUEST", f"a page has 0 to {MAXIMUM_FIRST} items")
    return Window(limit=limit, backwards=last is not None, after=after, before=before)


def page(rows: Sequence[Any], asked: Window) -> Page:
    """The page of `rows`, which are up to one more than asked, in the order in which they were read."""
    more = len(rows) > asked.limit
    kept = list(rows[: asked.limit])
    if asked.backwards:
        kept.reverse()
        return Page(rows=kept, has_next_page=asked.before is not None, has_previous_page=more)
    return Page(rows=kept, has_next_page=more, has_previous_page=asked.after is not None)
