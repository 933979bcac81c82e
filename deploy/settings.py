"""docs/settings.md, as the settings class defines it: `python -m deploy.settings` writes it."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from kernel.settings import Settings

__all__ = ["FILE", "page"]

FILE = Path(__file__).parent.parent / "docs" / "settings.md"

HEAD = """# Settings

From the environment. Production refuses to start with a development default.

| variable | default | meaning |
|---|---|---|
"""


def page() -> str:
    """The page with a line for each setting."""
    lines = []
    for name, field in Settings.model_fields.items():
        default = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        shown = "" if default is None else f"`{default}`"
        lines.append(f"| `TALLYSTICK_{name.upper()}` | {shown} | {field.description} |\n")
    return HEAD + "".join(lines)


if __name__ == "__main__":
    FILE.write_text(page(), encoding="utf-8")
    print(f"wrote docs/{FILE.name}")
