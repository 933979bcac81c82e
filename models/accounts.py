"""Accounts: one currency, one owner (or the bank itself)."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

__all__ = ["Account"]


class Account(Model):
    """Opened by `open_account`, never written otherwise; its counters are rows of `balances`."""

    id = fields.UUIDField(primary_key=True)
    holder_id = fields.UUIDField(null=True, description="None: the bank itself")
    purpose = fields.TextField(null=True, description="what the bank's own account is for")
    number = fields.TextField(null=True, description="ten digits, what others pay to")
    name = fields.TextField()
    kind = fields.TextField(description="CURRENT, SAVINGS, LOAN or INTERNAL")
    currency = fields.TextField(description="ISO 4217")
    status = fields.TextField(description="ACTIVE, DEBIT_BLOCKED, FROZEN or CLOSED")
    product_code = fields.TextField(null=True, description="whose terms it has")
    shards = fields.SmallIntField(description="rows in balances; 1 for every customer's")
    created_at = fields.DatetimeField()

    class Meta:
        table = "accounts"
