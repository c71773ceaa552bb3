from __future__ import annotations

import pytest

from tests.casting import Cast, cast, console
from tests.flow.doors import DOORS, Door

__all__ = ["cast", "console"]


# Behind both doors are the same verbs, which meet PostgreSQL through the first of them.
@pytest.fixture(params=[pytest.param(one, marks=[pytest.mark.long] * (one == "page")) for one in DOORS])
def door(request: pytest.FixtureRequest, cast: Cast) -> Door:
    """Each case is tried through the API and through the pages."""
    return DOORS[request.param](cast)
