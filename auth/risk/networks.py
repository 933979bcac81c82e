"""Networks: which one a request comes from, and whether somebody tries out passwords from it."""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from auth.risk.events import NetworkDecision, Scope
from auth.risk.policy import SprayRules, StuffingRules

__all__ = ["Attempts", "Judgement", "SprayWatch", "client_address", "judge", "prefix_of"]

V4_PREFIX = 24
V6_PREFIX = 48
SPRAY_KEY_BYTES = 32
ROWS = 4
CELLS = 1 << 14  # In each row: 512 KiB for each of the two windows, good for some 50 000 failed logins in one.
BITS = 64  # Of a cell.
LONGEST_ADDRESS = 64  # Characters of an address with a port and a zone.

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Logins of one scope within the rules' window; `customers` is how many different ones were tried, near enough."""

    scope: Scope
    failed: int
    total: int
    customers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    decision: NetworkDecision
    because: Attempts | None = None


ALLOWED = Judgement(decision=NetworkDecision.ALLOW)


def prefix_of(address: Address) -> str:
    """The network that a household or an office has: a /24 of IPv4, a /48 of IPv6."""
    address = _plain(address)
    # From the bytes: they have no zone, which says nothing outside its own machine.
    return str(ip_network((address.packed, V4_PREFIX if address.version == 4 else V6_PREFIX), strict=False))


def client_address(*, peer: str | None, forwarded: Sequence[str], trusted_proxies: int) -> Address | None:
    """Where a request comes from, as the outermost of our own proxies saw it.

    `peer` is who opened the connection, `forwarded` are the values of the header that the proxies write, in order. Each proxy adds, on the
    right, whom it heard from: the last `trusted_proxies` entries are ours, and what stands left of them the client may have written itself.
    """
    # Split from the right, and only as far as it is ours: the rest may be long.
    hops = [*",".join(forwarded).rsplit(",", trusted_proxies)[-trusted_proxies:], peer or ""] if trusted_proxies else [peer or ""]
    # The outermost first; one that is no address leaves the next nearer one, which then stands for all behind it.
    return next((address for hop in hops if (address := _parsed(hop)) is not None), None)


def judge(attempts: Iterable[Attempts], rules: StuffingRules) -> Judgement:
    """Whether somebody tries out stolen passwords: nearly all fail, on many accounts. The strictest decision, and the counts it rests on."""
    judgements = [_judge(counted, rules) for counted in attempts]
    return max(judgements, key=lambda judgement: list(NetworkDecision).index(judgement.decision), default=ALLOWED)


def _judge(counted: Attempts, rules: StuffingRules) -> Judgement:
    share = counted.failed / counted.total if counted.total > 0 else 0.0
    if share > rules.refuse_share and counted.customers > rules.refuse_customers and counted.scope not in rules.never_refused:
        return Judgement(decision=NetworkDecision.REFUSE, because=counted)
    if share > rules.challenge_share and counted.customers > rules.challenge_customers:
        return Judgement(decision=NetworkDecision.CHALLENGE, because=counted)
    return ALLOWED


class SprayWatch:
    """Counts how many customers one password failed for, near enough, and remembers neither passwords nor customers.

    A password's MAC chooses one cell in each row, a customer's MAC one bit in a cell: how many bits are set tells how many customers
    chose them (linear counting; some 9 % off at 20). Other passwords in the same cell can only add, so the emptiest of the cells counts.
    The memory is fixed: no flood of passwords pushes one out. Each process counts what it sees itself, under a key of its own.
    """

    def __init__(self, key: bytes, rules: SprayRules) -> None:
        if len(key) != SPRAY_KEY_BYTES:
            raise ValueError(f"the key has {SPRAY_KEY_BYTES} bytes")
        self._key = key
        self._rules = rules
        self._window, self._before = _empty(), _empty()
        self._began_at: datetime | None = None

    def failed(self, password: str, username: str, *, now: datetime) -> None:
        """Note one failed login; `username` as it was typed, whether somebody has it or not."""
        self._turn(now)
        bit = 1 << (self._mac(username, b"username")[0] % BITS)
        for cell in self._cells(password):
            self._window[cell] |= bit

    def customers(self, password: str, *, now: datetime) -> int:
        """How many different customers this password failed for, in one to two windows up to now."""
        self._turn(now)
        most = min((self._window[cell] | self._before[cell]).bit_count() for cell in self._cells(password))
        # A full cell has no estimate: it stands for the last that there is.
        return round(BITS * math.log(BITS / max(1, BITS - most)))

    def sprayed(self, password: str, *, now: datetime) -> bool:
        return self.customers(password, now=now) > self._rules.customers

    def _turn(self, now: datetime) -> None:
        """Begin a new window when one has passed; what is older than two is forgotten."""
        if self._began_at is None:
            self._began_at = now
        if now - self._began_at < self._rules.window:
            return
        self._before = self._window if now - self._began_at < 2 * self._rules.window else _empty()
        self._window, self._began_at = _empty(), now

    def _cells(self, password: str) -> list[int]:
        digest = self._mac(password, b"password")
        return [row * CELLS + int.from_bytes(digest[4 * row : 4 * row + 4]) % CELLS for row in range(ROWS)]

    def _mac(self, text: str, purpose: bytes) -> bytes:
        # What a phone sends may hold half a character.
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key, person=purpose, digest_size=4 * ROWS).digest()


def _empty() -> array[int]:
    return array("Q", bytes(8 * ROWS * CELLS))


def _plain(address: Address) -> Address:
    """An IPv4 address that a socket of both kinds wrote as IPv6, as what it is."""
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _parsed(text: str) -> Address | None:
    """An address as proxies write it: with blanks around it, with a port behind it, an IPv6 address in brackets."""
    text = text.strip()
    if len(text) > LONGEST_ADDRESS:
        return None
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return _plain(ip_address(text))
    except ValueError:
        return None
