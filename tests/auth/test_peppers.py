"""The ring of peppers, as an operator sets it.

Method: rings made by hand, right and wrong; the HMAC is made again with other means.
"""

import base64
import hashlib
import hmac

import pytest

from auth.peppers import Peppers

OLD, NEW = bytes(range(32)), bytes(range(32, 64))


def text(*keys: bytes) -> str:
    return ",".join(base64.b64encode(key).decode() for key in keys)


def test_the_first_of_a_ring_is_its_newest() -> None:
    ring = Peppers.of(text(NEW, OLD).replace(",", ", "))

    assert ring.ids == (Peppers([NEW]).newest, Peppers([OLD]).newest)
    assert ring.newest == Peppers([NEW]).newest


def test_a_mac_is_hmac_of_purpose_and_secret_under_the_named_pepper() -> None:
    ring = Peppers([NEW, OLD])

    for key, key_id in zip((NEW, OLD), ring.ids, strict=True):
        assert ring.mac(key_id, "password", b"secret") == hmac.new(key, b"password\0secret", hashlib.sha256).digest()
    assert ring.mac(ring.newest, "password", b"secret") != ring.mac(ring.newest, "recovery code", b"secret")


def test_a_pepper_that_is_not_in_the_ring_makes_nothing() -> None:
    with pytest.raises(KeyError):
        Peppers([NEW]).mac(Peppers([OLD]).newest, "password", b"secret")


def test_an_id_tells_nothing_of_its_pepper() -> None:
    assert len(Peppers([NEW]).newest) == 8
    assert NEW.hex() not in repr(Peppers([NEW])) + str(vars(Peppers([NEW])).keys())


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("", "32 bytes each"),
        ("not base64!", "is base64"),
        (text(NEW[:31]), "32 bytes each"),
        (text(NEW + b"\0"), "32 bytes each"),
        (text(NEW, OLD[:31]), "32 bytes each"),
        (text(NEW, OLD, NEW), "twice in the list"),
        (text(NEW) + ",", "32 bytes each"),
    ],
)
def test_what_is_no_ring_is_refused_without_showing_it(wrong: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        Peppers.of(wrong)

    assert str(refused.value).startswith("TALLYSTICK_PEPPERS")
    assert not any(part in str(refused.value) for part in wrong.split(",") if part)


def test_a_ring_is_never_empty() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Peppers([])
