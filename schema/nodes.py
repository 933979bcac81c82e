"""Nodes: objects with an id of their own, and the generic connection of any of them."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Generic, TypeVar

import strawberry

from kernel import ids
from resolvers.pages import Page
from schema.fields import computed, of_rows

__all__ = ["Connection", "Edge", "Node", "PageInfo", "id_of", "itself"]

Item = TypeVar("Item")


def itself(row: Any) -> Any:
    """The row again: a part of an object that is kept in the same row."""
    return row


def id_of(prefix: str, attribute: str = "id") -> Any:
    """The id field of a type with this prefix."""
    read: Callable[[Any], Any] = attrgetter(attribute)
    return computed(lambda row: ids.encode(prefix, read(row)), description="Opaque; hand it back unchanged.")


@strawberry.interface(description="Anything that has an id of its own and can be fetched by it.")
class Node:
    id: strawberry.ID


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="There is more behind endCursor.")
    has_previous_page: bool
    start_cursor: str | None = strawberry.field(description="Null where the page is empty.")
    end_cursor: str | None = strawberry.field(description="Null where the page is empty; hand it back as `after`.")


@strawberry.type(description="One item of a page.")
class Edge(Generic[Item]):
    node: Item = computed(itself)
    cursor: str = strawberry.field(description="Opaque; good for after and before of the same list.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Item]):
    is_type_of = of_rows(Page)
    edges: list[Edge[Item]] = computed(attrgetter("rows"))
    page_info: PageInfo = computed(itself)
