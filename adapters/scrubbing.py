"""Takes credentials out of text before anybody stores, logs or shows it.

Here, at the leaf, because the far side's answers are where they turn up: publishing stores those
answers, and the logs (`cm_queue/logs.py`) pass every line through the same sieve.
"""

from __future__ import annotations

import re

_SECRET_VALUES = re.compile(
    r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{6,}"
    r"|((?:access_|refresh_|api_)?(?:token|key|secret|password)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]{4,}"
)


def scrub(text: str) -> str:
    """The text with whatever looks like a credential replaced by three dots."""
    return _SECRET_VALUES.sub(lambda match: (match.group(1) or match.group(2)) + "…", text)
