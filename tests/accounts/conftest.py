from __future__ import annotations

from tests.casting import cast

__all__ = ["cast"]
