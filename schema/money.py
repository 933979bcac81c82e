"""Money, in and out."""

from __future__ import annotations

import strawberry

from kernel import money
from kernel.errors import InvalidInput
from schema.fields import of_rows
from schema.scalars import CurrencyCode, Decimal

__all__ = ["Money", "MoneyInput"]


@strawberry.type(description="An amount in a currency; negative where money left.")
class Money:
    is_type_of = of_rows(money.Money)
    amount: Decimal = strawberry.field(
        description='With all digits of its currency: "1250.00" NGN, "1250" XOF, "1.250" TND. Do not read it into a float.'
    )
    currency: CurrencyCode


@strawberry.input(description='An amount of money, e.g. {amount: "1250.00", currency: "NGN"}.')
class MoneyInput:
    amount: Decimal = strawberry.field(
        description="A plain decimal number, without exponent, with no more digits after the point than its currency has."
    )
    currency: CurrencyCode

    def plain(self, *field: str) -> money.Money:
        """The amount.

        Raises:
            InvalidInput: it is not written as an amount of this currency; `field` leads to it.
        """
        try:
            return money.Money.parse(self.amount, self.currency)
        except money.AmountError as error:
            raise InvalidInput(error.text, field=(*field, "amount"), **error.facts) from None
