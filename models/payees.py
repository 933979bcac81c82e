"""Payees: whom a customer pays."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

__all__ = ["Payee"]


class Payee(Model):
    id = fields.UUIDField(primary_key=True)
    customer_id = fields.UUIDField(description="in whose book it stands")
    name = fields.TextField(description="as the customer calls them")
    account_id = fields.UUIDField(description="where payments to them arrive")
    created_at = fields.DatetimeField()
    removed_at = fields.DatetimeField(null=True, description="never deleted: payments point here")

    class Meta:
        table = "payees"
