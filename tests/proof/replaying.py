"""Facts as they are stored with a release, and read again (invariant 7: replay)."""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import TypeAdapter

from approvals.gate import Facts, evaluate

STORED = TypeAdapter(Facts)


def stored(facts: Facts) -> Facts:
    """To the text of a database's JSON column and back."""
    text = json.dumps(STORED.dump_python(facts, mode="json"))
    return STORED.validate_python(json.loads(text))


def replays(facts: Facts, at: datetime) -> bool:
    """The same verdict, reason for reason."""
    return evaluate(stored(facts), at) == evaluate(facts, at)
