"""`make schema`: write schema.graphql as the code defines it."""

from __future__ import annotations

from pathlib import Path

from schema.roots import SCHEMA

__all__ = ["FILE", "exported"]

FILE = Path(__file__).parent.parent / "schema.graphql"


def exported() -> str:
    """The schema in GraphQL's own language."""
    return SCHEMA.as_str() + "\n"


if __name__ == "__main__":
    FILE.write_text(exported(), encoding="utf-8")
    print(f"wrote {FILE.name}")
