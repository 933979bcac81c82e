"""Forms: the parameters of a request, read strictly before anything else sees them (RFC 6749, 3.1, 3.2 and appendix B)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import unquote_to_bytes

from auth.server.answers import Refused

__all__ = ["LONGEST", "LONGEST_NAME", "LONGEST_VALUE", "MOST", "Form", "of_body", "of_query"]

LONGEST = 32 * 1024  # Bytes of a body or a query.
MOST = 40  # Parameters.
LONGEST_NAME = 64  # Characters.
LONGEST_VALUE = 8 * 1024  # Characters; the evidence of an attested device is the longest that is honest, at some 6,000.

MEDIA_TYPE = re.compile(r"application/x-www-form-urlencoded[ \t]*(?:;[ \t]*charset=\"?utf-8\"?[ \t]*)?", re.IGNORECASE)
ENCODED = re.compile(rb"(?:[\x21-\x24\x26-\x7e]|%[0-9A-Fa-f]{2})*")
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Form(Mapping[str, str]):
    """Parameters of one request: each once, of bounded length, without control characters. One without a value counts as left out."""

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """
        Raises:
            Refused: invalid_request.
        """
        values: dict[str, str] = {}
        for name, value in pairs:
            if len(values) >= MOST:
                raise _refused("the request has too many parameters")
            if len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE:
                raise _refused("a parameter is too long")
            if UNPRINTABLE.search(name) or UNPRINTABLE.search(value):
                raise _refused("a parameter has a control character")
            if name in values:
                raise _refused("a parameter is there twice")
            values[name] = value
        self._values = {name: value for name, value in values.items() if value}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        # Names only: values are codes, tokens and passwords.
        return f"Form({', '.join(self._values)})"


def of_body(content_type: str | None, body: bytes) -> Form:
    """The form in the body of a POST.

    Raises:
        Refused: invalid_request; it is no form, or not a strict one.
    """
    if content_type is None or not MEDIA_TYPE.fullmatch(content_type):
        raise _refused("the body must be application/x-www-form-urlencoded")
    return Form(_pairs(body))


def of_query(query: bytes) -> Form:
    """The form in the query of a GET, as it stands in the request line.

    Raises:
        Refused: invalid_request.
    """
    return Form(_pairs(query))


def _pairs(raw: bytes) -> Iterator[tuple[str, str]]:
    if len(raw) > LONGEST or raw.count(b"&") > MOST:
        raise _refused("the request is too long")
    for part in raw.split(b"&"):
        if part:
            name, _, value = part.partition(b"=")
            yield _text(name), _text(value)


def _text(raw: bytes) -> str:
    if not ENCODED.fullmatch(raw):
        raise _refused("the request is not urlencoded")
    try:
        return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused("a parameter is not UTF-8") from error


def _refused(description: str) -> Refused:
    return Refused("invalid_request", description)
