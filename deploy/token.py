"""`make token`: a bearer access token for a demo customer, and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from uuid import UUID

import asyncpg
import phonenumbers

from auth.keys import development_key
from auth.tokens import DEVELOPMENT_LIFE, issue
from deploy import embedded
from kernel.settings import Settings

__all__ = ["main", "token_for"]

NTH = "SELECT id FROM customers ORDER BY created_at, id OFFSET $1 LIMIT 1"
BY_PHONE = "SELECT id FROM customers WHERE phone = $1"


async def token_for(url: str, settings: Settings, who: str) -> str:
    """A token of 12 hours for `who`, a phone number or a customer's place from 1.

    Raises:
        LookupError: there is no such customer.
    """
    connection = await asyncpg.connect(url)
    try:
        customer_id = await _customer(connection, who)
        now = await connection.fetchval("SELECT bank_now()")
    finally:
        await connection.close()
    return issue(development_key(), issuer=settings.issuer, audience=settings.audience, customer_id=customer_id, now=now, life=DEVELOPMENT_LIFE)


async def _customer(connection: asyncpg.Connection[asyncpg.Record], who: str) -> UUID:
    if who.isascii() and who.isdigit() and 1 <= int(who[:6]) and len(who) <= 6:
        found = await connection.fetchval(NTH, int(who) - 1)
    else:
        try:
            number = phonenumbers.format_number(phonenumbers.parse(who), phonenumbers.PhoneNumberFormat.E164)
        except phonenumbers.NumberParseException:
            raise LookupError(f"{who} is neither a place from 1 nor a phone number such as +2348000000001") from None
        found = await connection.fetchval(BY_PHONE, number)
    if found is None:
        raise LookupError(f"there is no customer {who}")
    customer_id: UUID = found
    return customer_id


def main() -> int:
    """0 and the token on standard output; 2 and one line on standard error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("customer", help="a phone number, or 1…n")
    parser.add_argument("--port", type=int, default=8000, help="of the bank, where it is not the default")
    asked = parser.parse_args()
    # `make run` names itself as issuer by its port, unless the setting says otherwise.
    os.environ.setdefault("TALLYSTICK_ISSUER", f"http://127.0.0.1:{asked.port}")
    settings = Settings()
    if settings.is_production or not settings.uses_development_key:
        return _refused("tokens are made by hand in development and test only")
    url = settings.database_url
    if url is None:
        stores = embedded.attach(Path(".local"))
        if stores is None:
            return _refused("no bank is running here: start one with `make run`")
        url = stores.app_url
    try:
        print(asyncio.run(token_for(url, settings, asked.customer)))
    except (LookupError, OSError, asyncpg.PostgresError) as error:
        return _refused(str(error).partition("\n")[0])
    return 0


def _refused(line: str) -> int:
    print(line, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
