"""Recovery codes: ten that a customer keeps on paper, each good once, for the day that the phone is gone."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from auth.peppers import Peppers

__all__ = ["COUNT", "LONGEST", "NewCodes", "RecoveryCodes"]

COUNT = 10
CODE_BYTES = 10  # 80 bits: no guessing, with or without a limit on tries. So a fast hash is enough.
CHARACTERS = CODE_BYTES * 8 // 5
GROUP = 4
LONGEST = 64  # Of what is read, with everything that people put between the groups.
PURPOSE = "recovery code"

# Base 32 without I, L, O and U: three are read as digits, and the last keeps chance from writing words.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
WRITTEN = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ALPHABET)
READ = str.maketrans("abcdefghjkmnpqrstvwxyz" + "OoIiLl", "ABCDEFGHJKMNPQRSTVWXYZ" + "001111")
DASHES = "-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}"  # Keyboards put in the long ones by themselves.


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCodes:
    """Codes to show once, and what to keep of them, in the same order. They replace all that the customer had."""

    codes: tuple[str, ...] = field(repr=False)
    kept: tuple[str, ...]


class RecoveryCodes:
    """Makes codes and finds them again by their hashes, `key id.HMAC-SHA-256` under a pepper."""

    def __init__(self, peppers: Peppers) -> None:
        self._peppers = peppers

    def make(self) -> NewCodes:
        """Ten new codes, written as `7QWX-0RNB-5T2K-HJ8M`."""
        codes = [base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode().translate(WRITTEN) for _ in range(COUNT)]
        return NewCodes(
            codes=tuple("-".join(code[at : at + GROUP] for at in range(0, CHARACTERS, GROUP)) for code in codes),
            kept=tuple(self._hash(self._peppers.newest, code) for code in codes),
        )

    def find(self, kept: Sequence[str], code: str) -> str | None:
        """Which of a customer's `kept` hashes this code belongs to; None refuses it.

        A code counts as used by the deletion of that hash: whoever finds it gone already refuses the code. One whose pepper was taken
        out is never found.
        """
        plain = _read(code)
        if plain is None:
            return None
        found = None
        hashes = [self._hash(key_id, plain) for key_id in self._peppers.ids]
        # All of them, and ten where fewer are left: the time tells neither what was found nor how many codes somebody has.
        for one in [*kept, *["." * len(hashes[0])] * (COUNT - len(kept))]:
            for candidate in hashes:
                if hmac.compare_digest(one.encode(), candidate.encode()):
                    found = one
        return found

    def _hash(self, key_id: str, code: str) -> str:
        mac = self._peppers.mac(key_id, PURPOSE, code.encode())
        return f"{key_id}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def _read(text: str) -> str | None:
    """The code in what somebody typed: any case, any spaces and dashes, O for 0, I and L for 1."""
    if len(text) > LONGEST:
        return None
    code = "".join(character for character in text if not character.isspace() and character not in DASHES).translate(READ)
    return code if len(code) == CHARACTERS and all(character in ALPHABET for character in code) else None
