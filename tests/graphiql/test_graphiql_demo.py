"""The demo queries: what a developer sees first must run as it stands.

Method: the files are read as the server reads them and parsed by the server's own parser; each variable that an operation declares is looked
for in the variables beside it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from graphql import DocumentNode, FieldNode, NonNullTypeNode, OperationDefinitionNode, parse, visit
from graphql.language import Visitor

from edge.graphiql import DemoCustomer, Tab, demo_tabs
from edge.graphiql.demo import BROWSER_PLACEHOLDERS, DEMO_FOLDER

CUSTOMER = DemoCustomer(
    account_id="acc_01h2xcejqtf2nbrexx3vqjhp41",
    currency="XOF",
    amount="1250",
    too_much="999000000",
    other_account_number='77"01\\é',
)
TITLES = ["HomeScreen", "QuotePayment", "MakePayment", "TryARefusal", "Payees", "Statement", "OpenAccount", "TheBank"]
PLACEHOLDER = re.compile(r"<\w+>")
# More is cut off beside the toolbar in a window of 1280 pixels.
COMMENT_COLUMNS = 52


def operations(document: DocumentNode) -> list[OperationDefinitionNode]:
    return [definition for definition in document.definitions if isinstance(definition, OperationDefinitionNode)]


def first_name(tab: Tab) -> str:
    name = operations(parse(tab.query))[0].name
    assert name
    return name.value


def test_the_tabs_stand_in_the_order_of_their_numbers() -> None:
    assert [first_name(tab) for tab in demo_tabs(CUSTOMER)] == TITLES


def test_ten_comes_after_nine(tmp_path: Path) -> None:
    for name in ("10-last", "9-before", "1-first"):
        (tmp_path / f"{name}.graphql").write_text(f"query Q{name.partition('-')[0]} {{ bank {{ name }} }}")

    assert [first_name(tab) for tab in demo_tabs(folder=tmp_path)] == ["Q1", "Q9", "Q10"]


def test_a_file_without_a_number_says_how_to_name_it(tmp_path: Path) -> None:
    (tmp_path / "pay.graphql").write_text("{ bank { name } }")

    with pytest.raises(ValueError, match=r"pay\.graphql: name it like 3-make-payment\.graphql"):
        demo_tabs(folder=tmp_path)


@pytest.mark.parametrize("tab", demo_tabs(CUSTOMER), ids=TITLES)
def test_every_variable_that_must_be_there_is_there(tab: Tab) -> None:
    variables = json.loads(tab.variables or "{}")

    declared = [variable for operation in operations(parse(tab.query)) for variable in operation.variable_definitions or ()]

    assert {variable.variable.name.value for variable in declared if isinstance(variable.type, NonNullTypeNode)} <= variables.keys()
    assert variables.keys() == {variable.variable.name.value for variable in declared}


@pytest.mark.parametrize("tab", demo_tabs(CUSTOMER), ids=TITLES)
def test_a_customer_fills_all_but_what_the_browser_fills(tab: Tab) -> None:
    assert set(PLACEHOLDER.findall(tab.variables)) <= BROWSER_PLACEHOLDERS
    assert not PLACEHOLDER.search(tab.query)


def test_the_browser_knows_every_placeholder_that_is_left_to_it() -> None:
    script = (DEMO_FOLDER.parent / "static" / "start.js").read_text("utf-8")

    assert set(re.findall(r'replaceAll\("(<\w+>)"', script)) == BROWSER_PLACEHOLDERS


def test_the_variables_speak_of_the_signed_in_customer() -> None:
    pay = json.loads(demo_tabs(CUSTOMER)[TITLES.index("MakePayment")].variables)["input"]

    assert pay["fromAccountId"] == CUSTOMER.account_id
    assert pay["amount"] == {"amount": "1250", "currency": "XOF"}
    assert pay["to"] == {"accountNumber": CUSTOMER.other_account_number}
    assert pay["idempotencyKey"] == "<newKey>"


def test_without_a_customer_the_placeholders_say_what_to_paste() -> None:
    pay = json.loads(demo_tabs()[TITLES.index("MakePayment")].variables)["input"]

    assert pay["fromAccountId"] == "<accountId>"


def test_a_refusal_is_asked_for_with_more_than_there_is() -> None:
    refused = json.loads(demo_tabs(CUSTOMER)[TITLES.index("TryARefusal")].variables)["input"]

    assert refused["amount"]["amount"] == CUSTOMER.too_much


@pytest.mark.parametrize("tab", demo_tabs(CUSTOMER), ids=TITLES)
def test_each_tab_opens_with_a_short_lesson_that_a_narrow_window_shows(tab: Tab) -> None:
    lines = tab.query.splitlines()
    comments = [line for line in lines if line.startswith("#")]

    assert 2 <= len(comments) <= 3
    assert lines[: len(comments)] == comments
    assert max(map(len, comments)) <= COMMENT_COLUMNS


@pytest.mark.parametrize("tab", demo_tabs(CUSTOMER), ids=TITLES)
def test_every_mutation_asks_for_its_errors(tab: Tab) -> None:
    document = parse(tab.query)

    for operation in operations(document):
        if operation.operation.value == "mutation":
            assert "errors" in fields_of(operation)


def fields_of(operation: OperationDefinitionNode) -> set[str]:
    found: set[str] = set()

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            found.add(node.name.value)

    visit(operation, Fields())
    return found
