"""Which network a request comes from, whatever its headers claim, and when a network is tried out on customers.

Method: headers as forgers and proxies write them; the arithmetic at both sides of each limit; the sketch against an exact count (hypothesis).
"""

import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.risk.events import NetworkDecision, Scope
from auth.risk.networks import Attempts, SprayWatch, client_address, judge, prefix_of
from auth.risk.policy import SprayRules, StuffingRules

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PROXY, CLIENT, FORGED = "10.0.0.1", "192.0.2.7", "203.0.113.66"


def seen(*forwarded: str, proxies: int = 1, peer: str | None = PROXY) -> str | None:
    address = client_address(peer=peer, forwarded=forwarded, trusted_proxies=proxies)
    return None if address is None else str(address)


# ---------------------------------------------------------------- prefixes


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("192.0.2.0", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("192.0.3.0", "192.0.3.0/24"),
        ("2001:db8:1::1", "2001:db8:1::/48"),
        ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", "2001:db8:1::/48"),
        ("2001:db8:2::", "2001:db8:2::/48"),
        ("::ffff:192.0.2.9", "192.0.2.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
    ],
)
def test_a_network_is_a_24_or_a_48(address: str, prefix: str) -> None:
    assert prefix_of(ip_address(address)) == prefix


# ---------------------------------------------------------------- the address behind the proxies


def test_without_proxies_the_header_is_the_clients_own_invention() -> None:
    assert seen(FORGED, proxies=0, peer=CLIENT) == CLIENT


@pytest.mark.parametrize(
    ("forwarded", "proxies"),
    [
        ([CLIENT], 1),
        ([f"{FORGED}, {CLIENT}"], 1),
        ([f"{FORGED}, {FORGED}, {FORGED}, {CLIENT}"], 1),
        ([FORGED, CLIENT], 1),  # Two headers are one list.
        ([f"{FORGED},, ,{CLIENT}"], 1),
        ([f"{FORGED}, {CLIENT}, 10.0.0.2"], 2),
        ([f"{FORGED}, {CLIENT}", "10.0.0.2"], 2),
        (["," * 100_000 + CLIENT], 1),
        ([f"{PROXY}, {CLIENT}"], 1),  # A forger who knows our proxy's address.
        ([f"unix:, {CLIENT}"], 1),
    ],
)
def test_the_address_is_the_one_that_the_outermost_of_our_proxies_saw(forwarded: list[str], proxies: int) -> None:
    assert seen(*forwarded, proxies=proxies) == CLIENT


@settings(deadline=None)
@given(forged=st.text(max_size=60), proxies=st.integers(1, 3))
def test_nothing_that_a_client_writes_into_the_header_moves_it(forged: str, proxies: int) -> None:
    ours = [CLIENT, *["10.0.0.9"] * (proxies - 1)]

    assert seen(", ".join([forged, *ours]), proxies=proxies) == CLIENT
    assert seen(forged, *ours, proxies=proxies) == CLIENT


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
    [
        ([], 1, PROXY),  # Not through the proxy: whoever connected.
        ([""], 1, PROXY),
        ([CLIENT], 2, CLIENT),  # Through one of two: that one wrote the only entry.
        ([f"{FORGED}, unknown"], 1, PROXY),  # What our proxy wrote is no address: the next nearer one, never one further out.
        ([f"{FORGED}, unknown, 10.0.0.2"], 2, "10.0.0.2"),
        ([f"{FORGED}, {'9' * 10_000}"], 1, PROXY),
    ],
)
def test_where_the_header_is_short_or_broken_the_nearer_hop_stands_for_all_behind_it(forwarded: list[str], proxies: int, address: str) -> None:
    assert seen(*forwarded, proxies=proxies) == address


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (f"{CLIENT}:51234", CLIENT),
        ("2001:db8::7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("2001:DB8:0:0::7", "2001:db8::7"),
        (f"::ffff:{CLIENT}", CLIENT),
        (f"  {CLIENT}\t", CLIENT),
    ],
)
def test_addresses_are_read_as_proxies_write_them(written: str, address: str) -> None:
    assert seen(f"{FORGED}, {written}") == address


def test_a_socket_without_an_address_has_none() -> None:
    assert seen(proxies=0, peer=None) is None
    assert seen("unknown", peer="") is None
    assert seen(CLIENT, peer=None) == CLIENT


# ---------------------------------------------------------------- stolen passwords


def attempts(failed: int, total: int, customers: int, scope: Scope = Scope.PREFIX) -> Attempts:
    return Attempts(scope=scope, failed=failed, total=total, customers=customers)


@pytest.mark.parametrize(
    ("counted", "decision"),
    [
        (attempts(0, 0, 0), NetworkDecision.ALLOW),
        (attempts(80, 100, 21), NetworkDecision.ALLOW),  # Not more than 0.8.
        (attempts(81, 100, 21), NetworkDecision.CHALLENGE),
        (attempts(81, 100, 20), NetworkDecision.ALLOW),  # Not more than 20 customers.
        (attempts(100, 100, 100), NetworkDecision.CHALLENGE),
        (attempts(100, 100, 101), NetworkDecision.REFUSE),
        (attempts(95, 100, 101), NetworkDecision.CHALLENGE),
        (attempts(96, 100, 101), NetworkDecision.REFUSE),
        (attempts(96, 100, 101, Scope.FINGERPRINT), NetworkDecision.REFUSE),
        (attempts(1000, 1000, 1000, Scope.ASN), NetworkDecision.CHALLENGE),  # Never a whole operator.
        (attempts(500, 1000, 700, Scope.ASN), NetworkDecision.ALLOW),  # A busy one.
        (attempts(21, 20, 21), NetworkDecision.CHALLENGE),  # Counts of approximate sketches may exceed each other.
        (attempts(5, 0, 30), NetworkDecision.ALLOW),
    ],
)
def test_a_network_is_judged_by_what_fails_and_on_how_many(counted: Attempts, decision: NetworkDecision) -> None:
    assert judge([counted], StuffingRules()).decision is decision


def test_the_strictest_scope_decides_and_says_why() -> None:
    calm, loud = attempts(1, 100, 90), attempts(90, 100, 30, Scope.FINGERPRINT)

    assert judge([calm, loud, calm], StuffingRules()).because == loud
    assert judge([calm], StuffingRules()).because is None
    assert judge([], StuffingRules()).decision is NetworkDecision.ALLOW


@settings(deadline=None)
@given(failed=st.integers(0, 500), succeeded=st.integers(0, 500), customers=st.integers(0, 500), scope=st.sampled_from(Scope))
def test_one_more_failure_on_one_more_customer_never_helps(failed: int, succeeded: int, customers: int, scope: Scope) -> None:
    strictness = list(NetworkDecision)
    before = judge([attempts(failed, failed + succeeded, customers, scope)], StuffingRules())
    after = judge([attempts(failed + 1, failed + succeeded + 1, customers + 1, scope)], StuffingRules())

    assert strictness.index(after.decision) >= strictness.index(before.decision)


# ---------------------------------------------------------------- one password, many customers

KEY = bytes(range(32))


def watch(key: bytes = KEY) -> SprayWatch:
    return SprayWatch(key, SprayRules())


def spray(by: SprayWatch, password: str, customers: int, *, now: datetime = NOW) -> None:
    for number in range(customers):
        by.failed(password, f"customer {number}", now=now)


def test_a_password_that_was_tried_on_many_is_sprayed_and_others_are_not() -> None:
    counts = watch()
    spray(counts, "Lagos2026!", 40)
    spray(counts, "my own", 1)

    assert counts.sprayed("Lagos2026!", now=NOW)
    assert not counts.sprayed("my own", now=NOW)
    assert not counts.sprayed("never tried", now=NOW)
    assert counts.customers("never tried", now=NOW) == 0


def test_a_password_is_sprayed_by_more_customers_than_the_rule_says() -> None:
    exact = watch()
    spray(exact, "the password", 10)
    counted = exact.customers("the password", now=NOW)

    for limit, sprayed in ((counted, False), (counted - 1, True)):
        counts = SprayWatch(KEY, SprayRules(customers=limit))
        spray(counts, "the password", 10)
        assert counts.sprayed("the password", now=NOW) is sprayed


def test_one_customer_who_tries_again_and_again_is_one() -> None:
    counts = watch()
    for _ in range(100):
        counts.failed("forgotten", "ada", now=NOW)

    assert counts.customers("forgotten", now=NOW) == 1


@settings(max_examples=30, deadline=None)
@given(customers=st.integers(0, 60), key=st.binary(min_size=32, max_size=32))
def test_the_count_is_near_enough(customers: int, key: bytes) -> None:
    counts = watch(key)
    spray(counts, "the password", customers)

    # Four standard errors of linear counting, at the least two customers.
    assert counts.customers("the password", now=NOW) == pytest.approx(customers, rel=0.45, abs=4)


def test_a_flood_of_other_passwords_neither_hides_a_spray_nor_accuses_anybody() -> None:
    counts = watch()
    spray(counts, "Lagos2026!", 40)
    for number in range(50_000):
        counts.failed(f"password {number}", f"customer {number}", now=NOW)

    assert counts.sprayed("Lagos2026!", now=NOW)
    assert sum(counts.sprayed(f"password {number}", now=NOW) for number in range(0, 50_000, 50)) == 0


def test_tries_count_for_one_to_two_windows() -> None:
    counts, window = watch(), SprayRules().window
    spray(counts, "slow", 15)
    for number in range(15, 30):
        counts.failed("slow", f"customer {number}", now=NOW + window)

    assert counts.sprayed("slow", now=NOW + window)
    assert counts.sprayed("slow", now=NOW + 2 * window - SECOND)
    assert not counts.sprayed("slow", now=NOW + 2 * window)


def test_everything_is_forgotten_after_a_pause() -> None:
    counts = watch()
    spray(counts, "old", 40)

    assert counts.customers("old", now=NOW + 2 * SprayRules().window) == 0


def test_more_customers_than_a_cell_has_bits_are_many() -> None:
    counts = watch()
    spray(counts, "everybody's", 5000)

    assert counts.customers("everybody's", now=NOW) > 200


def test_another_key_sees_other_cells_and_half_characters_are_no_error() -> None:
    one, other = watch(os.urandom(32)), watch(os.urandom(32))

    assert one._cells("\ud800") != other._cells("\ud800")
    with pytest.raises(ValueError, match="32 bytes"):
        watch(b"short")
