"""Which keys may verify access tokens, and the one that a machine makes for itself.

Method: key sets as an operator would set them, right and wrong; the development key made by four processes at once.
"""

import json
import multiprocessing
import stat
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from pydantic import SecretStr

from auth.keys import DEVELOPMENT_FILE, development_key, verification_keys
from kernel.settings import Environment, Settings


def public(kid: str | None = "a", **changes: Any) -> dict[str, Any]:
    """A public key as a set lists it; a change to None takes a member out."""
    entry: dict[str, Any] = {**ECKey.generate_key("P-256").as_dict(private=False), "kid": kid, "alg": "ES256", "use": "sig"} | changes
    return {name: value for name, value in entry.items() if value is not None}


def settings(*keys: Any) -> Settings:
    return Settings(key_set=SecretStr(json.dumps({"keys": keys})))


def test_a_set_of_several_keys_verifies_with_each() -> None:
    keys = verification_keys(settings(public("2026-a"), public("2026-b", alg=None, use=None)))

    assert [key.kid for key in keys] == ["2026-a", "2026-b"]
    assert not any(key.is_private for key in keys)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (OctKey.generate_key(256, parameters={"kid": "a"}).as_dict(private=True), "kty EC"),
        (RSAKey.generate_key(2048, parameters={"kid": "a"}).as_dict(private=False), "kty EC"),
        (OKPKey.generate_key("Ed25519", parameters={"kid": "a"}).as_dict(private=False), "kty EC"),
        (ECKey.generate_key("P-384", parameters={"kid": "a"}).as_dict(private=False), "crv P-256"),
        (ECKey.generate_key("P-256", parameters={"kid": "a"}).as_dict(private=True), "public keys only"),
        (public(None), "has a kid"),
        (public(""), "has a kid"),
        (public("k" * 129), "has a kid"),
        (public(kid=17), "has a kid"),  # type: ignore[arg-type]
        (public(alg="HS256"), "alg ES256"),
        (public(alg="ES384"), "alg ES256"),
        (public(use="enc"), "use sig"),
        (public(x="AAAA"), "x and y"),
        (public(y=None), "x and y"),
        (public(x=7), "x and y"),
        (public(x="!" * 43), "x and y"),
        ("a key", "JWK set"),
    ],
)
def test_a_key_that_may_not_verify_is_refused_with_what_is_wrong(entry: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        verification_keys(settings(public("good"), entry))


def test_a_private_key_is_not_shown_again_by_its_refusal() -> None:
    private = ECKey.generate_key("P-256", parameters={"kid": "a"}).as_dict(private=True)

    with pytest.raises(ValueError, match="replace that key") as refused:
        verification_keys(settings(private))

    assert str(private["d"]) not in str(refused.value)


def test_two_keys_of_one_kid_are_refused() -> None:
    with pytest.raises(ValueError, match="kid twice"):
        verification_keys(settings(public("a"), public("b"), public("a")))


@pytest.mark.parametrize("count", [0, 17])
def test_a_set_has_one_to_sixteen_keys(count: int) -> None:
    with pytest.raises(ValueError, match="1 to 16 keys"):
        verification_keys(settings(*(public(f"key {n}") for n in range(count))))


@pytest.mark.parametrize("text", ["", "developmnt", "{}", "[]", "null", '{"keys": {}}', '{"keys": "ab"}', '{"keys": [1]}', "[" * 100_000])
def test_a_text_that_is_no_key_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is a JWK set"):
        verification_keys(Settings(key_set=SecretStr(text)))


def test_production_takes_no_development_key() -> None:
    # Past the check that settings make themselves: each of the two stands alone.
    unchecked = Settings.model_construct(env=Environment.PRODUCTION, key_set=SecretStr("development"))

    with pytest.raises(ValueError, match="production needs"):
        verification_keys(unchecked)


def test_the_development_set_is_the_public_half_of_the_machines_key() -> None:
    [key] = verification_keys(Settings(key_set=SecretStr("development")))

    assert key.thumbprint() == development_key().thumbprint()
    assert not key.is_private


# ---------------------------------------------------------------- the development key


def test_the_development_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "not yet there"
    made = development_key(folder)
    again = development_key(folder)

    assert made.is_private
    assert made.thumbprint() == again.thumbprint()
    assert stat.S_IMODE((folder / DEVELOPMENT_FILE).stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == [DEVELOPMENT_FILE]


def _thumbprint(folder: Path, together: Any) -> str:
    together.wait(20)
    return development_key(folder).thumbprint()


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, context.Pool(4) as pool:
        together = manager.Barrier(4)
        found = pool.starmap(_thumbprint, [(tmp_path, together)] * 4, chunksize=1)

    assert len(found) == 4
    assert set(found) == {development_key(tmp_path).thumbprint()}
    assert [file.name for file in tmp_path.iterdir()] == [DEVELOPMENT_FILE]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        json.dumps(public()),
        json.dumps(OctKey.generate_key(256).as_dict(private=True)),
        json.dumps(ECKey.generate_key("P-384", parameters={"kid": "a"}).as_dict(private=True)),
        json.dumps(ECKey.generate_key("P-256").as_dict(private=True)),
    ],
)
def test_a_damaged_development_key_says_which_file_to_delete(tmp_path: Path, text: str) -> None:
    (tmp_path / DEVELOPMENT_FILE).write_text(text)

    with pytest.raises(ValueError, match=rf"{DEVELOPMENT_FILE} is .*: delete it"):
        development_key(tmp_path)
