"""`make token`: print an access token of a demo customer, and nothing else; in development and test only.

The token's issuer is `TALLYSTICK_ISSUER`. Where that is not set it is `http://127.0.0.1:PORT`, as `make run` sets it for the bank
that it serves on that port, so the two agree when they are given the same PORT.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
from datetime import datetime
from pathlib import Path
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from auth.keys import DEVELOPMENT_FOLDER, development_key
from auth.tokens import DEVELOPMENT_LIFE, issue
from deploy import embedded, running
from kernel.settings import Environment, Settings

__all__ = ["NoToken", "main", "token_for"]

DATABASE_SECONDS = 5.0  # Somebody waits at a prompt.
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")  # E.164, as the table of customers checks it.
PLACE = re.compile(r"[1-9][0-9]{0,8}")
CUSTOMER_FORMS = "a customer is a phone number (+2348031234567) or 1, 2, 3 … in the order of joining"

BY_PHONE = "SELECT id, bank_now() AS time FROM customers WHERE phone = $1"
BY_PLACE = "SELECT id, bank_now() AS time FROM customers ORDER BY created_at, id OFFSET $1 LIMIT 1"


class NoToken(Exception):
    """There is no token to be had; the message is the one line that says why and what to do."""


async def token_for(app_url: str, settings: Settings, who: str) -> str:
    """An access token of the customer `who` of the database at `app_url`: a phone number (E.164), or 1…n in order of joining.

    Raises:
        NoToken: production, no key to sign with, no such customer, or no answer from the database.
    """
    if settings.is_production:
        raise NoToken("production has no demo tokens: customers sign in")
    if not settings.uses_development_key:
        raise NoToken("TALLYSTICK_KEY_SET names keys of somebody who signs elsewhere: unset it to use the development key")
    try:
        customer_id, now = await _customer(app_url, who)
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError) as error:
        raise NoToken("the database is empty: `make run` sets it up") from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, ValueError) as error:
        raise NoToken(f"the database does not answer: {_first_line(error)}") from error
    try:
        key = development_key()
    except (OSError, ValueError) as error:
        raise NoToken(_first_line(error)) from error
    return issue(key, issuer=settings.issuer, audience=settings.audience, customer_id=customer_id, now=now, life=DEVELOPMENT_LIFE)


async def _customer(app_url: str, who: str) -> tuple[UUID, datetime]:
    """The customer's id, and the bank's time."""
    if not PHONE.fullmatch(who) and not PLACE.fullmatch(who):
        raise NoToken(CUSTOMER_FORMS)
    connection = await asyncpg.connect(app_url, timeout=DATABASE_SECONDS, command_timeout=DATABASE_SECONDS)
    try:
        is_phone = who.startswith("+")
        row = await connection.fetchrow(BY_PHONE, who) if is_phone else await connection.fetchrow(BY_PLACE, int(who) - 1)
        if row is not None:
            return UUID(int=row["id"].int), row["time"]
        count = await connection.fetchval("SELECT count(*) FROM customers")
    finally:
        await connection.close()
    if count == 0:
        raise NoToken("the bank has no customers yet: `make run` loads the demo bank")
    raise NoToken(f"no customer has the phone number {who}" if is_phone else f"there is no customer {who}: the bank has {count}")


def main() -> int:
    """0 when the token was printed, 2 when there is none to be had."""
    options = argparse.ArgumentParser(prog="make token", description=__doc__)
    options.add_argument("customer", nargs="?", default="", help=CUSTOMER_FORMS)
    options.add_argument("--port", default=os.environ.get("TALLYSTICK_PORT", "8000"), help="the port that `make run` serves on")
    options.add_argument("--folder", type=Path, default=DEVELOPMENT_FOLDER, help="where the embedded stores are")
    chosen = options.parse_args()
    try:
        settings = _settings(chosen.port)
        print(asyncio.run(token_for(_database(settings, chosen.folder), settings, chosen.customer)))
    except NoToken as refusal:
        print(refusal, file=sys.stderr)
        return 2
    return 0


def _settings(port: str) -> Settings:
    """Settings from the environment, with the issuer that the bank on this port has.

    Raises:
        NoToken: they do not hold, or are production's.
    """
    # Asked before the rest is checked: somebody who set nothing else must not be told to set it, and then be refused.
    if os.environ.get("TALLYSTICK_ENV", "").lower() == Environment.PRODUCTION:
        raise NoToken("production has no demo tokens: customers sign in")
    os.environ["TALLYSTICK_PORT"] = port
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"TALLYSTICK_{str(first['loc'][0]).upper()}: " if first["loc"] else ""
        raise NoToken(f"{name}{first['msg']} (docs/settings.md)") from error
    return settings if "issuer" in settings.model_fields_set else settings.model_copy(update={"issuer": _issuer_on(settings.port)})


def _issuer_on(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _database(settings: Settings, folder: Path) -> str:
    """The URL of the database that settings name, or of the embedded one that runs here.

    Raises:
        NoToken: none runs, or the bank on it would refuse the token.
    """
    if settings.database_url is not None:
        return settings.database_url
    try:
        stores = embedded.attach(folder)
    except (embedded.StoreError, OSError) as error:
        raise NoToken(_first_line(error)) from error
    if stores is None:
        raise NoToken("no bank is running here: start one with `make run`, or set TALLYSTICK_DATABASE_URL")
    note = running.read(folder)
    if note is not None and settings.issuer == _issuer_on(settings.port) and note.port != settings.port and running.is_held(folder):
        raise NoToken(f"the bank here serves on port {note.port}, and takes only tokens made for it: add PORT={note.port}")
    return stores.app_url


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
