from __future__ import annotations

from tests.casting import cast, in_english

__all__ = ["cast", "in_english"]
