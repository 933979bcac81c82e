"""The forms in which types say where their values come from.

    of_rows(Row, access=rule)      the type's `is_type_of`: which rows it stands for, and who may see them
    (nothing)                      an attribute of the row
    computed(function)             a function of the row; no I/O
    batched(function, by="id")     a set-based function: all keys of a level in, one result each out
    connection(function)           the same for pages of a list, with Relay's arguments
    root(function)                 a field of Query or Mutation

Rows enter only through batched, connection and root; there each passes its type's access rule, in one place: `admitted`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import strawberry
from strawberry.types import Info
from strawberry.types.base import StrawberryObjectDefinition

from kernel.errors import RequestRefused
from resolvers.context import Context
from resolvers.pages import Page, window

__all__ = ["FORM", "admitted", "batched", "check_doors", "computed", "connection", "of_rows", "root", "rows_of"]

# The key of a field's form in its metadata: attributes of a field are lost when generics copy it.
FORM = "tallystick.form"

Rule = Callable[[Any, Context], bool]

_RULES: dict[type, Rule | None] = {}

_PARENT: Any = strawberry.Parent
_ROW = _PARENT[Any]


def of_rows(*classes: type, access: Rule | None = None) -> Any:
    """`is_type_of` for a type that stands for rows of these classes; `access` says who may see one."""
    for cls in classes:
        if _RULES.setdefault(cls, access) is not access:
            raise TypeError(f"{cls.__name__} has two access rules")

    def is_type_of(row: object, info: Any) -> bool:
        return isinstance(row, classes)

    is_type_of.rows = classes  # type: ignore[attr-defined]
    is_type_of.access = access  # type: ignore[attr-defined]
    return is_type_of


def rows_of(cls: type) -> tuple[type, ...]:
    """The row classes that a type named with `of_rows`."""
    named: tuple[type, ...] = getattr(getattr(cls, "is_type_of", None), "rows", ())
    return named


def admitted(value: Any, context: Context) -> Any:
    """What the caller may see of `value`: a hidden row is None, and drops out of a list or a page."""
    if isinstance(value, Page):
        return Page(
            rows=[row for row in value.rows if _may_see(row, context)],
            has_next_page=value.has_next_page,
            has_previous_page=value.has_previous_page,
        )
    if isinstance(value, list):
        return [row for row in value if _may_see(row, context)]
    return value if _may_see(value, context) else None


def _may_see(row: Any, context: Context) -> bool:
    rule = _RULES.get(type(row))
    return rule is None or rule(row, context)


def computed(function: Callable[..., Any], *, description: str | None = None) -> Any:
    """A field that is a function of the row, or of the row and the context; no I/O."""
    if "context" in getattr(function, "__annotations__", ()):

        def resolve(root: strawberry.Parent[Any], info: Info[Context, Any]) -> Any:
            return function(root, info.context)

    else:

        def resolve(root: strawberry.Parent[Any]) -> Any:  # type: ignore[misc]
            return function(root)

    return _field(resolve, function, {}, description, {"computed": function})


def batched(function: Callable[..., Awaitable[Sequence[Any]]], *, by: str = "id", description: str | None = None, name: str | None = None) -> Any:
    """A field whose values a set-based function gives, by the row's attribute `by`; its keyword-only parameters are arguments."""

    async def resolve(root: strawberry.Parent[Any], info: Info[Context, Any], **arguments: Any) -> Any:
        context = info.context
        return admitted(await context.load(function, getattr(root, by), **arguments), context)

    return _field(resolve, function, _arguments(function), description, {"batched": function, "by": by}, name=name)


def connection(
    function: Callable[..., Awaitable[Sequence[Page]]],
    *,
    cursor: Callable[[str], Any],
    by: str = "id",
    description: str | None = None,
) -> Any:
    """A field of pages; `cursor` reads a cursor of this list back, and raises ValueError for one that is none."""

    async def resolve(
        root: strawberry.Parent[Any],
        info: Info[Context, Any],
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        **arguments: Any,
    ) -> Any:
        context = info.context
        asked = window(first=first, after=_read(cursor, after), last=last, before=_read(cursor, before))
        return admitted(await context.load(function, getattr(root, by), window=asked, **arguments), context)

    own = {
        name: inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=strawberry.UNSET, annotation=kind | None)
        for name, kind in (("first", int), ("after", str), ("last", int), ("before", str))
    }
    return _field(resolve, function, own | _arguments(function), description, {"connection": function, "by": by})


def root(function: Callable[..., Awaitable[Any]], *, writes: bool = False, keeps_places: bool = False, description: str | None = None) -> Any:
    """A field of Query or Mutation; `function` takes the context and the field's arguments.

    `keeps_places`: a hidden row of a list leaves its place null.
    """

    async def resolve(info: Info[Context, Any], **arguments: Any) -> Any:
        context = info.context
        value = await function(context, **arguments)
        if writes:
            await context.wrote()
        return [admitted(row, context) for row in value] if keeps_places else admitted(value, context)

    return _field(resolve, function, _arguments(function), description, {"root": function, "writes": writes}, parent=False)


def _read(cursor: Callable[[str], Any], text: str | None) -> Any:
    if text is None:
        return None
    try:
        return cursor(text)
    except ValueError as error:
        raise RequestRefused("BAD_REQUEST", "this is no cursor of this list") from error


def _arguments(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The keyword-only parameters, as Strawberry is to see them: no default of None, which would print `= null`."""
    return {
        name: parameter.replace(default=strawberry.UNSET if parameter.default is None else parameter.default)
        for name, parameter in inspect.signature(function, eval_str=True).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name != "window"
    }


def _field(
    resolve: Callable[..., Any],
    function: Callable[..., Any],
    arguments: dict[str, inspect.Parameter],
    description: str | None,
    form: dict[str, Any],
    *,
    parent: bool = True,
    name: str | None = None,
) -> Any:
    """A Strawberry field that calls `resolve` with the row, the info, and these arguments; absent ones are left out."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = [inspect.Parameter("root", keyword, annotation=_ROW)] if parent else []
    if "info" in inspect.signature(resolve).parameters:
        signature.append(inspect.Parameter("info", keyword, annotation=Info))

    if inspect.iscoroutinefunction(resolve):

        async def resolver(**given: Any) -> Any:
            return await resolve(**{name: value for name, value in given.items() if value is not strawberry.UNSET})

    else:

        def resolver(**given: Any) -> Any:  # type: ignore[misc]
            return resolve(**given)

    resolver.__signature__ = inspect.Signature([*signature, *arguments.values()])  # type: ignore[attr-defined]
    resolver.__annotations__ = {p.name: p.annotation for p in [*signature, *arguments.values()]}
    resolver.__module__ = function.__module__ if hasattr(function, "__module__") and function.__module__ else __name__
    return strawberry.field(resolver=resolver, name=name, description=description, metadata={FORM: form})


def check_doors(schema: strawberry.Schema) -> None:
    """Raises `TypeError` unless every Node has an access rule and every field that reaches one goes through a form.

    A plain field that leads to such a type would hand out rows that passed no rule.
    """
    types = {
        definition.origin: definition
        for concrete in schema.schema_converter.type_map.values()
        if isinstance(definition := concrete.definition, StrawberryObjectDefinition)
    }
    guarded = {cls for cls in types if getattr(getattr(cls, "is_type_of", None), "access", None) is not None}
    node = next((cls for cls, definition in types.items() if definition.name == "Node"), None)
    for cls, definition in types.items():
        if node is not None and issubclass(cls, node) and cls is not node and cls not in guarded:
            raise TypeError(f"{cls.__name__} is a Node without an access rule")
        for field in definition.fields:
            reached = _innermost(field.type)
            if (reached in guarded or reached is node) and FORM not in field.metadata and not definition.is_interface:
                raise TypeError(f"{cls.__name__}.{field.python_name} reaches {reached} past its access rule")


def _innermost(kind: Any) -> Any:
    while hasattr(kind, "of_type"):
        kind = kind.of_type
    return kind.resolve_type() if hasattr(kind, "resolve_type") else kind
