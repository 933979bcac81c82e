"""Free text from outside: one line, of bounded length, as people write it."""

from __future__ import annotations

import unicodedata

from kernel.errors import InvalidInput

__all__ = ["one_line"]


def one_line(text: str, *, field: tuple[str, ...], maximum: int) -> str:
    """`text` without space around it, normalised (NFC).

    Raises:
        InvalidInput: it is empty, longer than `maximum` characters, or has control characters.
    """
    tidy = unicodedata.normalize("NFC", text).strip()
    if not tidy:
        raise InvalidInput("this may not be empty", field=field)
    if len(tidy) > maximum:
        raise InvalidInput("this has at most {maximum} characters", field=field, maximum=maximum)
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} for c in tidy):
        raise InvalidInput("this is one line of text", field=field)
    return tidy
