"""The schema as clients rely on it: exported, described, guarded; and the pages that are generated from code."""

from __future__ import annotations

from pathlib import Path

import pytest
import strawberry
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, build_schema, parse, validate

from deploy import schema as exporting
from deploy import settings as settings_page
from models.rows import AccountRow
from schema.fields import batched, check_doors, of_rows
from schema.nodes import Node
from tests.bank import BankUnderTest

ROOT = Path(__file__).parent.parent.parent


def test_the_exported_schema_is_fresh() -> None:
    assert exporting.FILE.read_text(encoding="utf-8") == exporting.exported(), "stale: run `make schema`"


def test_the_page_of_settings_is_fresh() -> None:
    assert settings_page.FILE.read_text(encoding="utf-8") == settings_page.page(), "stale: run `python -m deploy.settings`"


def test_every_type_says_what_it_is_for() -> None:
    built = build_schema(exporting.exported())
    kinds = (GraphQLObjectType, GraphQLInterfaceType, GraphQLInputObjectType, GraphQLEnumType)

    silent = [name for name, kind in built.type_map.items() if isinstance(kind, kinds) and not name.startswith("__") and not kind.description]

    assert silent == []


def test_every_mutation_of_money_carries_an_idempotency_key() -> None:
    built = build_schema(exporting.exported())

    for name in ("MakePaymentInput", "AddPayeeInput", "OpenAccountInput"):
        field = built.type_map[name].fields["idempotencyKey"]  # type: ignore[attr-defined]
        assert str(field.type) == "UUID!"


@pytest.mark.parametrize("file", sorted((ROOT / "edge" / "graphiql" / "demo").glob("*.graphql")), ids=lambda file: file.stem)
def test_every_demo_query_fits_the_schema(file: Path) -> None:
    assert validate(build_schema(exporting.exported()), parse(file.read_text(encoding="utf-8"))) == []


class UnguardedRow:
    id = "1"


@strawberry.type
class Unguarded(Node):
    is_type_of = of_rows(UnguardedRow)


@strawberry.type
class QueryOfUnguarded:
    one: Unguarded | None = None


class GuardedRow:
    id = "1"


@strawberry.type
class Guarded(Node):
    is_type_of = of_rows(GuardedRow, access=lambda row, context: False)


@strawberry.type
class QueryPastTheDoor:
    one: Guarded | None = None


def test_a_node_without_an_access_rule_keeps_the_schema_from_starting() -> None:
    with pytest.raises(TypeError, match="without an access rule"):
        check_doors(strawberry.Schema(query=QueryOfUnguarded))


def test_a_plain_field_that_reaches_a_guarded_type_keeps_the_schema_from_starting() -> None:
    with pytest.raises(TypeError, match="past its access rule"):
        check_doors(strawberry.Schema(query=QueryPastTheDoor))


def test_one_row_class_has_one_access_rule() -> None:
    with pytest.raises(TypeError, match="two access rules"):
        of_rows(AccountRow, access=lambda row, context: True)


def test_batched_fields_show_the_keyword_only_parameters_of_their_function() -> None:
    async def labels(ids: list[str], context: object, *, size: int = 3, text: str | None = None) -> list[str]:
        return ids

    @strawberry.type
    class Query:
        label: str = batched(labels)

    assert "label(size: Int! = 3, text: String): String!" in strawberry.Schema(query=Query).as_str()


async def test_models_have_the_columns_of_their_tables(bank: BankUnderTest) -> None:
    from tortoise import Tortoise

    async with bank.owner() as connection:
        for model in Tortoise.apps["models"].values():
            columns = await connection.fetch(
                "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = $1", model._meta.db_table
            )
            assert {row["column_name"]: row["is_nullable"] == "YES" for row in columns} == {
                name: field.null for name, field in model._meta.fields_map.items()
            }, model
