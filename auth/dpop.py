"""Proofs of possession (RFC 9449): who sends a request holds the private key that its token is bound to.

What can be refused without cryptography is, and before it. A proof that was seen before is the store's to know, by `Proof.jti_hash`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from auth.envelope import KeyRing, base64url, from_base64url

__all__ = [
    "ALGORITHM",
    "LONGEST",
    "LONGEST_JTI",
    "MOST_AGE",
    "MOST_AHEAD",
    "NONCE_STEP",
    "SEEN_FOR",
    "KnownKeys",
    "Nonces",
    "Proof",
    "ProofError",
    "ProofRefused",
    "ath",
    "jkt",
    "public_jwk",
    "target",
    "verify_proof",
]

ALGORITHM = "ES256"
TYPE = "dpop+jwt"
HEADER = {"typ", "alg", "jwk"}  # And nothing else: no keys by name or address, no extensions.
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}  # RFC 7518, 6: of keys of any kind.

LONGEST = 4096  # Characters; a proof has some 700.
MOST_OPENED = 16  # Brackets and braces of a header or of claims: nothing that nests deeply is even parsed.
LONGEST_JTI = 256  # Characters.
LONGEST_URL = 1024  # Characters.
MOST_AGE = timedelta(minutes=2)  # As long as the oldest nonce that is accepted.
MOST_AHEAD = timedelta(minutes=1)  # For phones whose clock is fast.
SEEN_FOR = 2 * MOST_AGE  # How long a proof is to be remembered as seen: longer than its iat and its nonce let it in.
REMEMBERED_KEYS = 10_000  # Some 30 MB.

NONCE_STEP = timedelta(minutes=1)  # A nonce is accepted in its own step and the next: never for longer than two.
NONCE_CHARACTERS = 32
KID_BYTES, STEP_BYTES, MAC_BYTES = 4, 4, 16

COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{86})")  # A signature of ES256 has 64 bytes.
COORDINATE = re.compile(r"[A-Za-z0-9_-]{43}")
# Written out, since a parser of addresses forgives too much: it drops tabs and line ends, and takes what it cannot place for a path.
URL = re.compile(
    r"(?P<scheme>[A-Za-z]+)://(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[1-9][0-9]{0,4})?)?"
    r"(?P<path>(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]*)*)(?:\?[!-\"$-~]*)?(?:#[!-~]*)?"
)
PORTS = {"https": "443", "http": "80"}


class ProofError(StrEnum):
    """As RFC 9449, 12 names them."""

    INVALID = "invalid_dpop_proof"
    NONCE = "use_dpop_nonce"


class ProofRefused(Exception):
    """A proof that is none. Its text may be told: who sent the proof made it, and nothing of it is repeated."""

    def __init__(self, description: str, *, error: ProofError = ProofError.INVALID, nonce: str | None = None) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.nonce = nonce  # With `use_dpop_nonce`: the one to use, for the header DPoP-Nonce.


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A proof that holds."""

    jkt: str  # The key's thumbprint (RFC 7638).
    jti_hash: str  # Of jti and key: a device cannot use up the ids of another.
    iat: datetime
    jwk: Mapping[str, str]  # kty, crv, x and y.


class KnownKeys:
    """Keys that verified something: importing one costs half as much as a verification."""

    def __init__(self, most: int = REMEMBERED_KEYS) -> None:
        self._most = most
        self._known: OrderedDict[str, ECKey] = OrderedDict()  # The one that was used last stands last.
        self._algorithm = jws.default_registry.get_alg(ALGORITHM)

    @property
    def remembered(self) -> int:
        """How many keys are remembered now."""
        return len(self._known)

    def verify(self, jwk: Mapping[str, str], *, signed: bytes, signature: bytes) -> bool:
        """Whether the owner of this key signed this. `jwk` is as `public_jwk` gives it."""
        thumbprint = jkt(jwk)
        key = self._known.get(thumbprint)
        if key is None:
            try:
                key = ECKey.import_key(dict(jwk))
            except (JoseError, ValueError):  # No point of the curve.
                return False
        if not self._algorithm.verify(signed, signature, key):
            return False
        # Only now: keys that sign nothing push nobody's out.
        self._known[thumbprint] = key
        self._known.move_to_end(thumbprint)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        return True


class Nonces:
    """Nonces that nobody stores: a MAC over a step of time, and over the key that it was given to.

    A nonce says until when a proof can have been made in advance. All processes with the same ring accept each other's.
    """

    def __init__(self, masters: KeyRing) -> None:
        self._keys = {kid: masters.derive(kid, "dpop nonce") for kid in masters.ids}
        self._newest = masters.newest

    def fresh(self, *, now: datetime, jkt: str | None = None) -> str:
        """The nonce of this step, good for one key, or for any where no key is known yet."""
        head = bytes.fromhex(self._newest) + _step(now).to_bytes(STEP_BYTES, "big")
        return base64url(head + self._mac(head, jkt or ""))

    def accepts(self, nonce: object, *, now: datetime, jkt: str) -> bool:
        """Whether this is a nonce of this step or of the one before, for this key or for any."""
        if not isinstance(nonce, str) or len(nonce) != NONCE_CHARACTERS:
            return False
        try:
            raw = from_base64url(nonce)
        except ValueError:
            return False
        head, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
        if head[:KID_BYTES].hex() not in self._keys or not 0 <= _step(now) - int.from_bytes(head[KID_BYTES:], "big") <= 1:
            return False
        is_its_own = hmac.compare_digest(mac, self._mac(head, jkt))
        is_anybodys = hmac.compare_digest(mac, self._mac(head, ""))
        return is_its_own or is_anybodys

    def _mac(self, head: bytes, jkt: str) -> bytes:
        return hmac.digest(self._keys[head[:KID_BYTES].hex()], head + jkt.encode(), "sha256")[:MAC_BYTES]


def _step(now: datetime) -> int:
    assert now.tzinfo is not None, "a time without a zone would be read in the machine's"
    return int(now.timestamp()) // int(NONCE_STEP.total_seconds())


def verify_proof(
    proofs: Sequence[str],
    *,
    method: str,
    url: str,
    now: datetime,
    nonces: Nonces,
    keys: KnownKeys,
    access_token: str | None = None,
) -> Proof:
    """The proof of one request (RFC 9449, 4.3).

    `proofs` are all the DPoP headers of the request, `url` is its address as `target` gives it, and `access_token` is the token that
    came with it; None at the token endpoint. Whether the proof's key is that of the token, and whether it was seen, is yet to ask.

    Raises:
        ProofRefused: invalid_dpop_proof; or use_dpop_nonce, with a nonce, where nothing else was found wrong so far.
    """
    if len(proofs) != 1:
        raise ProofRefused("a request has exactly one DPoP header")
    compact = COMPACT.fullmatch(proofs[0]) if len(proofs[0]) <= LONGEST else None
    if compact is None:
        raise ProofRefused("the DPoP header is not one compact JWS of a proof's size")
    first, second, third = compact.groups()
    try:
        signature = from_base64url(third)
        jwk = _check_header(_object(first))
        claims = _object(second)
        jti, iat = _check_claims(claims, method=method, url=url, now=now)
    except ValueError as error:
        raise ProofRefused(str(error)) from None
    if access_token is not None and not _is_same(claims.get("ath"), ath(access_token)):
        raise ProofRefused("ath is not the hash of the access token")
    thumbprint = jkt(jwk)
    if not nonces.accepts(claims.get("nonce"), now=now, jkt=thumbprint):
        raise ProofRefused("use the nonce of the header DPoP-Nonce", error=ProofError.NONCE, nonce=nonces.fresh(now=now, jkt=thumbprint))
    if not keys.verify(jwk, signed=f"{first}.{second}".encode(), signature=signature):
        raise ProofRefused("the signature does not verify with the key of the proof")
    return Proof(jkt=thumbprint, jti_hash=_hash(thumbprint + jti), iat=iat, jwk=jwk)


def ath(access_token: str) -> str:
    """What a proof says of the token that it comes with."""
    return _hash(access_token)


def jkt(jwk: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint (RFC 7638) of a key that `public_jwk` gave."""
    # Its members in order of their names, without spaces; none has a character that JSON would escape.
    return _hash(f'{{"crv":"{jwk["crv"]}","kty":"{jwk["kty"]}","x":"{jwk["x"]}","y":"{jwk["y"]}"}}')


def public_jwk(value: object) -> Mapping[str, str]:
    """The four members that make a public key on P-256; what else the JWK says is left out, and never used.

    Raises:
        ValueError: it is another kind of key, has a private part, or is spelled in another way than RFC 7518, 6.2.1 spells it.
    """
    if not isinstance(value, dict) or PRIVATE & value.keys():
        raise ValueError("jwk is one public key, without private parts")
    x, y = value.get("x"), value.get("y")
    if value.get("kty") != "EC" or value.get("crv") != "P-256" or not isinstance(x, str) or not isinstance(y, str):
        raise ValueError("jwk is a key of kty EC and crv P-256")
    if not COORDINATE.fullmatch(x) or not COORDINATE.fullmatch(y):
        raise ValueError("x and y of jwk are 32 bytes each, in base64url")
    # One spelling only: a thumbprint is of how a key is spelled.
    for coordinate in (x, y):
        from_base64url(coordinate)
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def target(base_url: str, path: str = "") -> str:
    """The one spelling of an endpoint's address, made of the configured base URL: a Host header is anybody's to write.

    Raises:
        ValueError: that is no address of http or https.
    """
    url = base_url.removesuffix("/") + path if path else base_url
    normalised = _normalised(url)
    if normalised is None or _normalised(base_url) is None or "?" in url or "#" in url or (path and not path.startswith("/")):
        raise ValueError("the base URL and the path make no address of http or https without query and fragment")
    return normalised


def _normalised(url: str) -> str | None:
    """Scheme and host in small letters, the port always there, query and fragment left out; the path as it stands (RFC 9449, 4.3)."""
    found = URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    scheme = found["scheme"].lower() if found else ""
    if found is None or scheme not in PORTS:
        return None
    # An empty path is the path "/" (RFC 3986, 6.2.3); any other slash at the end makes another address.
    return f"{scheme}://{found['host'].lower()}:{found['port'] or PORTS[scheme]}{found['path'] or '/'}"


def _check_header(header: dict[str, Any]) -> Mapping[str, str]:
    if header.keys() != HEADER:
        raise ValueError("the header of a proof has typ, alg and jwk, and nothing else")
    if header["typ"] != TYPE or header["alg"] != ALGORITHM:
        raise ValueError(f"a proof has typ {TYPE} and alg {ALGORITHM}")
    return public_jwk(header["jwk"])


def _check_claims(claims: dict[str, Any], *, method: str, url: str, now: datetime) -> tuple[str, datetime]:
    jti, htu, iat = claims.get("jti"), claims.get("htu"), claims.get("iat")
    if not isinstance(jti, str) or not 1 <= len(jti) <= LONGEST_JTI or not jti.isascii():
        raise ValueError(f"jti is a text of 1 to {LONGEST_JTI} characters of ASCII")
    if claims.get("htm") != method:
        raise ValueError("htm is not the method of the request")
    if not isinstance(htu, str) or _normalised(htu) != url:
        raise ValueError("htu is not the address of the request")
    if isinstance(iat, bool) or not isinstance(iat, int):
        raise ValueError("iat is a whole number of seconds")
    # Compared as numbers: not every number of a proof is a time.
    if not (now - MOST_AGE).timestamp() <= iat <= (now + MOST_AHEAD).timestamp():
        raise ValueError("iat is too far from the time of the server")
    return jti, datetime.fromtimestamp(iat, UTC)


def _object(part: str) -> dict[str, Any]:
    """The JSON object in a part of a proof.

    Raises:
        ValueError: it is something else, or says something twice.
    """
    try:
        text = from_base64url(part).decode("utf-8")
        if text.count("[") + text.count("{") > MOST_OPENED:
            raise ValueError
        found = DECODER.decode(text)
    except ValueError:
        # Without its cause, whose text has parts of what was sent.
        raise ValueError("a part of the proof is not base64url of JSON with each name once") from None
    if not isinstance(found, dict):
        raise ValueError("header and claims of a proof are JSON objects")
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_number)


def _is_same(claim: object, expected: str) -> bool:
    return isinstance(claim, str) and claim.isascii() and hmac.compare_digest(claim, expected)


def _hash(text: str) -> str:
    return base64url(hashlib.sha256(text.encode()).digest())
