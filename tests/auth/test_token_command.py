"""`make token`: the way in for people who explore, and for nobody in production.

Method: the command itself in a process of its own, on a real database; the token it prints is read as the bank would read it.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from auth.keys import development_key
from auth.tokens import DEVELOPMENT_LIFE, Principal, Tokens
from deploy import running
from deploy.embedded import Stores
from deploy.token import NoToken, token_for
from kernel import ids
from kernel.settings import DEVELOPMENT_KEY_SET, Environment, Settings
from tests.bank import copied

ROOT = Path(__file__).parent.parent.parent
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# Joined in another order than they were written in; two at the same time, parted by their ids.
AMINA, BRIAN, CODOU = (ids.new() for _ in range(3))
PEOPLE = [(CODOU, "Codou Fall", "+221770000003", 2), (AMINA, "Amina Bello", "+2348030000001", 1), (BRIAN, "Brian Otieno", "+254700000002", 2)]


@pytest.fixture
async def app_url(stores: Stores, database: str, owner_connection: Connection) -> str:
    """A database with three customers."""
    insert = "INSERT INTO customers (id, display_name, phone, country, tier, language, created_at) VALUES ($1, $2, $3, 'NG', 'TIER_3', 'en', $4)"
    for id, name, phone, day in PEOPLE:
        await owner_connection.execute(insert, id, name, phone, datetime(2026, 1, day, tzinfo=UTC))
    return copied(stores.app_url, database)


def run(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The command with these settings and no others."""
    inherited = {name: value for name, value in os.environ.items() if not name.upper().startswith("TALLYSTICK_")}
    told = inherited | {f"TALLYSTICK_{name.upper()}": value for name, value in settings.items()}
    return subprocess.run([sys.executable, "-m", "deploy.token", *arguments], cwd=ROOT, env=told, capture_output=True, text=True, timeout=60)


def refused(ended: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that printed no token."""
    assert (ended.returncode, ended.stdout) == (2, ""), ended
    [line] = ended.stderr.splitlines()
    return line


def read(token: str, issuer: str, now: datetime) -> Principal:
    return Tokens.of(Settings(issuer=issuer, key_set=DEVELOPMENT_KEY_SET)).verify(token, now=now)


# ---------------------------------------------------------------- it works


async def test_it_prints_a_token_of_the_bank_on_that_port_and_nothing_else(app_url: str) -> None:
    ended = run("+254700000002", "--port", "8123", database_url=app_url)

    assert (ended.returncode, ended.stderr) == (0, "")
    token, newline, rest = ended.stdout.partition("\n")
    assert (newline, rest) == ("\n", "")
    assert read(token, "http://127.0.0.1:8123", datetime.now(UTC)).customer_id == BRIAN


async def test_an_issuer_that_is_set_stands_whatever_the_port(app_url: str) -> None:
    ended = run("1", "--port", "8123", database_url=app_url, issuer="https://sign-in.example", env="test")

    assert read(ended.stdout.strip(), "https://sign-in.example", datetime.now(UTC)).customer_id == AMINA


async def test_customers_are_counted_in_the_order_of_joining(app_url: str) -> None:
    settings = Settings(issuer="http://127.0.0.1:8000")
    found = [read(await token_for(app_url, settings, str(n)), settings.issuer, datetime.now(UTC)).customer_id for n in (1, 2, 3)]

    assert found == [AMINA, *sorted([BRIAN, CODOU])]


async def test_the_banks_time_counts_and_not_the_machines(app_url: str, owner_connection: Connection) -> None:
    await owner_connection.execute("UPDATE bank_clock SET ahead = interval '400 days'")
    bank_now = await owner_connection.fetchval("SELECT bank_now()")
    settings = Settings(issuer="http://127.0.0.1:8000")

    principal = read(await token_for(app_url, settings, "1"), settings.issuer, bank_now)

    assert timedelta(0) <= principal.expires_at - (bank_now + DEVELOPMENT_LIFE) + timedelta(seconds=1) < timedelta(seconds=30)


# ---------------------------------------------------------------- it refuses


@pytest.mark.parametrize("who", ["0", "-1", "1.5", "one", "", "2348030000001", "+0348030000001", "+234 803", "1; DROP TABLE customers", "١"])
async def test_what_is_no_phone_number_and_no_place_is_refused(app_url: str, who: str) -> None:
    with pytest.raises(NoToken, match="a customer is a phone number"):
        await token_for(app_url, Settings(), who)


@pytest.mark.parametrize(
    ("who", "says"), [("4", "there is no customer 4: the bank has 3"), ("+2348030000009", "no customer has the phone number +2348030000009")]
)
async def test_a_customer_who_is_not_there_is_refused(app_url: str, who: str, says: str) -> None:
    assert refused(run(who, database_url=app_url)) == says


async def test_a_bank_without_customers_says_what_loads_them(stores: Stores, database: str) -> None:
    with pytest.raises(NoToken, match=r"no customers yet: `make run`"):
        await token_for(copied(stores.app_url, database), Settings(), "1")


@pytest.mark.parametrize("env", ["production", "PRODUCTION"])
async def test_production_has_no_demo_tokens(app_url: str, env: str) -> None:
    assert refused(run("1", env=env, database_url=app_url)) == "production has no demo tokens: customers sign in"


async def test_production_that_is_all_set_up_has_none_either(app_url: str) -> None:
    complete = Settings(
        env=Environment.PRODUCTION,
        database_url=app_url,
        redis_url="redis://127.0.0.1:1",
        issuer="https://bank.example",
        base_url="https://bank.example",
        key_set="{}",
        sealing_keys="AAAA",
    )

    with pytest.raises(NoToken, match="production has no demo tokens"):
        await token_for(app_url, complete, "1")


async def test_a_bank_whose_tokens_others_sign_has_none(app_url: str) -> None:
    key_set = {"keys": [development_key().as_dict(private=False)]}

    assert refused(run("1", database_url=app_url, key_set=str(key_set))).startswith("TALLYSTICK_KEY_SET names keys")


def test_a_setting_that_does_not_hold_is_named_in_one_line() -> None:
    assert refused(run("1", "--port", "80000")).startswith("TALLYSTICK_PORT: ")
    assert refused(run("1", env="staging")).startswith("TALLYSTICK_ENV: ")


@pytest.mark.parametrize("url", ["postgres://127.0.0.1:1/tallystick", "postgres://nobody@/x?host=/nowhere", "mysql://here", "here"])
def test_a_database_that_does_not_answer_is_told_in_one_line(url: str) -> None:
    assert refused(run("1", database_url=url)).startswith("the database does not answer: ")


def test_without_a_running_bank_it_says_how_to_start_one(tmp_path: Path) -> None:
    assert refused(run("1", "--folder", str(tmp_path / "nothing here"))).startswith("no bank is running here: start one with `make run`")


def test_a_database_that_nobody_set_up_says_what_does(stores: Stores) -> None:
    assert refused(run("1", "--folder", str(ROOT / ".local" / "test"))) == "the database is empty: `make run` sets it up"


def test_a_token_for_another_port_than_the_banks_is_not_printed(stores: Stores) -> None:
    folder = ROOT / ".local" / "test"
    with running.claim(folder, 8123, say=lambda line: None):
        assert refused(run("1", "--folder", str(folder), "--port", "8000")).endswith("add PORT=8123")
        assert refused(run("1", "--folder", str(folder), "--port", "8123")).startswith("the database is empty")
