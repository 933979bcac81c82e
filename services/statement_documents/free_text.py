"""Free text made fit for documents: names and references are written by strangers."""

from __future__ import annotations

import re

__all__ = ["one_line", "printable", "spreadsheet_text"]

# Marks on one letter that people write: a tone over a dotted vowel is two. Dozens are piled up to draw over the lines around.
_MARKS = 4
# A word longer than this may be broken anywhere, in pieces of the second length, so that it stays in its column.
_WORD, _PIECE = 20, 10

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Overrides and embeddings of direction can make "1,000" read as something else; languages written right to left don't need them.
_DIRECTIONS = re.compile(r"[\u202a-\u202e\u2066-\u2069]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_SPACES = re.compile(r"\s+")

_MARK = r"[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
_PILE = re.compile(f"({_MARK}{{{_MARKS}}}){_MARK}+")
_LONG_WORD = re.compile(rf"\S{{{_WORD + 1},}}")
# Not between a letter and its marks, nor inside an emoji that is made of several signs.
_BREAK = re.compile(rf"(\S{{{_PIECE}}})(?<!\u200d)(?=\S)(?!{_MARK}|[\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff])")
_ZERO_WIDTH_SPACE = "\u200b"

# What spreadsheets take for the start of a formula (full-width forms too), whatever invisible signs, spaces or quotes stand before it. A
# spreadsheet that parts cells at semicolons, as in French, does not see our quotes: there each part is a cell, so each is looked at.
_FORMULA = re.compile("(^|;)(?=[\\s\"'\u00ad\u200b-\u200f\u2060-\u2064\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20])")


def one_line(text: str) -> str:
    """`text` without control characters, changes of direction and doubled spaces: what both documents show of it."""
    text = _DIRECTIONS.sub("", _CONTROLS.sub(" ", text))
    return _SPACES.sub(" ", _SURROGATES.sub("\ufffd", text)).strip()


def spreadsheet_text(text: str) -> str:
    """`text` as one line that no spreadsheet takes for a formula: an apostrophe stands before what would start one."""
    return _FORMULA.sub(r"\1'", one_line(text))


def printable(text: str, *, characters: int) -> str:
    """`text` as one line of at most `characters` (≥ 1), cut with an ellipsis, that stays within its column and its line."""
    text = _PILE.sub(r"\1", one_line(text))
    if len(text) > characters:
        text = text[: characters - 1].rstrip() + "…"
    return _LONG_WORD.sub(lambda word: _BREAK.sub(rf"\1{_ZERO_WIDTH_SPACE}", word.group()), text)
