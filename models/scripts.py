"""Reads the SQL beside a migration, so that it is written as SQL and not inside Python strings."""

from __future__ import annotations

from pathlib import Path

from tortoise.migrations.operations import RunSQL

__all__ = ["script"]


def script(module_file: str, *, reverse: str) -> RunSQL:
    """The operation that runs the `.sql` file named like the migration `module_file`; `reverse` is the SQL of the way back."""
    return RunSQL(Path(module_file).with_suffix(".sql").read_text(encoding="utf-8"), reverse_sql=reverse)
