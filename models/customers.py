"""Customers: who banks here."""

from __future__ import annotations

from tortoise import fields
from tortoise.models import Model

__all__ = ["Customer"]


class Customer(Model):
    id = fields.UUIDField(primary_key=True)
    display_name = fields.TextField()
    phone = fields.TextField(description="E.164; unique")
    country = fields.TextField(description="ISO 3166-1 alpha-2")
    tier = fields.TextField(description="decides the limits")
    language = fields.TextField(description="of what the bank writes to them: en or fr")
    created_at = fields.DatetimeField()

    class Meta:
        table = "customers"
