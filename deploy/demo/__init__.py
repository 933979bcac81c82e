"""The demo bank: some fifty customers of four countries and a year of their lives, made by one seeded generator."""

from __future__ import annotations

from deploy.demo.loading import load, sign_ins

__all__ = ["load", "sign_ins"]
