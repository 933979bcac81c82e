"""Where payments go, as clients name it."""

from __future__ import annotations

import phonenumbers
import strawberry

from kernel.errors import InvalidInput
from schema.ids import read_id
from services.destinations import Destination

__all__ = ["BankDestination", "MobileMoneyDestination", "PaymentDestination"]

NUMBER_LENGTH = 34


@strawberry.input(description="A mobile-money wallet at an operator.")
class MobileMoneyDestination:
    operator: str
    phone: str = strawberry.field(description="E.164.")


@strawberry.input(description="An account at another bank.")
class BankDestination:
    bank_code: str
    account_number: str
    name: str


@strawberry.input(one_of=True, description="Exactly one of these.")
class PaymentDestination:
    account_number: str | None = strawberry.field(default=strawberry.UNSET, description="An account of this bank.")
    payee_id: strawberry.ID | None = strawberry.field(default=strawberry.UNSET, description="From the customer's own book.")
    phone: str | None = strawberry.field(default=strawberry.UNSET, description="E.164; a customer of this bank.")
    mobile_money: MobileMoneyDestination | None = strawberry.UNSET
    bank: BankDestination | None = strawberry.UNSET

    def plain(self) -> Destination:
        """The destination.

        Raises:
            InvalidInput: the phone is no number that anybody can have.
        """
        if self.mobile_money:
            return Destination(rail="mobileMoney")
        if self.bank:
            return Destination(rail="bank")
        if self.payee_id:
            return Destination(payee_id=read_id("pye", self.payee_id))
        if self.phone:
            return Destination(phone=_e164(self.phone))
        return Destination(account_number=(self.account_number or "").strip()[:NUMBER_LENGTH])


def _e164(text: str) -> str:
    wrong = InvalidInput("a phone number is written with its country, such as +2348012345678", field=("to", "phone"))
    if len(text) > NUMBER_LENGTH:
        raise wrong
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        raise wrong from None
    if not phonenumbers.is_possible_number(number):
        raise wrong
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
