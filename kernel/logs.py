"""Logs: a line of JSON an event in production, a readable line in development; never a secret or a personal detail."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

from kernel.settings import Settings

__all__ = ["configure"]

_SECRET_NAMES = re.compile(r"(?i)token|authorization|password|secret|cookie|variables|phone|name$|key$|dpop|otp|pin$")
_JWT = re.compile(r"ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_DIGITS = re.compile(r"\+?\d{8,}")


def configure(settings: Settings) -> None:
    """Set up structlog and the standard library's logging, which other packages use."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _traceback,
        _redacted,
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=lambda event, **_: orjson.dumps(event, default=str).decode())
        if settings.is_production
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[settings.log_level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=settings.is_production,  # Tests set up one form after another.
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.log_level)
    logging.getLogger("strawberry").setLevel(logging.CRITICAL)  # The edge tells each defect once.
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "tortoise", "asyncio", "httpx", "httpcore"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(logging.WARNING)


def _traceback(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Where it happened, without messages of drivers: they carry the values of the statement."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        frames = []
        trace = error.__traceback__
        while trace is not None:
            frames.append(f"{trace.tb_frame.f_code.co_filename.rsplit('/', 2)[-1]}:{trace.tb_lineno} {trace.tb_frame.f_code.co_name}")
            trace = trace.tb_next
        event["error"] = type(error).__name__
        event["reason"] = str(error).partition("\n")[0][:300]
        event["trace"] = " < ".join(reversed(frames[-12:]))
    return event


def _redacted(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The last line of defence: nothing that looks like a secret or a person's number leaves."""
    for name, value in list(event.items()):
        if name in {"timestamp", "level", "request_id"}:
            continue
        if _SECRET_NAMES.search(name):
            event[name] = "[removed]"
        elif isinstance(value, str):
            event[name] = _DIGITS.sub("[number]", _JWT.sub("[token]", value))
        elif isinstance(value, dict | list):
            event[name] = _DIGITS.sub("[number]", _JWT.sub("[token]", str(value)))
    return event
