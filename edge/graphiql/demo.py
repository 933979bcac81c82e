"""The demo queries that GraphiQL opens with: one tab a file of `demo/`, in the order of their numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["BROWSER_PLACEHOLDERS", "DEMO_FOLDER", "DemoCustomer", "Tab", "demo_tabs"]

DEMO_FOLDER = Path(__file__).parent / "demo"
# What the page's own script fills in, anew in each browser: a key must not be shared by all who open the page.
BROWSER_PLACEHOLDERS = frozenset({"<newKey>", "<firstOfLastMonth>", "<lastOfLastMonth>"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A document and the text of its variables; the tab is titled by the document's first operation."""

    query: str
    variables: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoCustomer:
    """What the demo's variables say of the signed-in customer, in the forms of the API.

    `account_id` can pay `amount` and not `too_much`, both decimal strings in the scale of the account's `currency`;
    `other_account_number` is an account of another customer in that currency.
    """

    account_id: str
    currency: str
    amount: str
    too_much: str
    other_account_number: str

    def placeholders(self) -> dict[str, str]:
        return {
            "<accountId>": self.account_id,
            "<currency>": self.currency,
            "<amount>": self.amount,
            "<tooMuch>": self.too_much,
            "<otherAccountNumber>": self.other_account_number,
        }


def demo_tabs(customer: DemoCustomer | None = None, *, folder: Path = DEMO_FOLDER) -> tuple[Tab, ...]:
    """The tabs of `folder`; without a customer their placeholders stay, as hints of what to paste.

    Raises:
        ValueError: a file's name does not start with a number and a hyphen.
    """
    known = customer.placeholders() if customer else {}
    return tuple(_tab(path, known) for path in sorted(folder.glob("*.graphql"), key=_number))


def _number(path: Path) -> int:
    number, hyphen, _ = path.name.partition("-")
    if not (hyphen and number.isascii() and number.isdigit()):
        raise ValueError(f"{path.name}: name it like 3-make-payment.graphql; the number is its place among the tabs")
    return int(number)


def _tab(path: Path, known: dict[str, str]) -> Tab:
    variables = path.with_suffix(".json")
    filled = _filled(json.loads(variables.read_text("utf-8")), known) if variables.exists() else None
    return Tab(
        query=path.read_text("utf-8"),
        variables="" if filled is None else json.dumps(filled, indent=2, ensure_ascii=False),
    )


def _filled(value: Any, known: dict[str, str]) -> Any:
    match value:
        case dict():
            return {key: _filled(inner, known) for key, inner in value.items()}
        case list():
            return [_filled(inner, known) for inner in value]
        case str():
            return known.get(value, value)
    return value
