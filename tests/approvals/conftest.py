from __future__ import annotations

from tests.casting import cast, console, in_english

__all__ = ["cast", "console", "in_english"]
