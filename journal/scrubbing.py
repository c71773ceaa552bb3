"""Takes whatever looks like a credential out of a text, before it is logged or stored."""

from __future__ import annotations

import re

SECRET_NAMES = re.compile(
    r"(?i)(authorization|password|passwd|secret|token|api[_-]?key|cookie|encryption_keys)"
)
_SECRET_VALUES = re.compile(
    r"(?i)(bearer\s+)[A-Za-z0-9._~+/=-]{6,}"
    r"|((?:access_|refresh_|api_)?(?:token|key|secret|password)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,}]{4,}"
    # What a network sends along in the address when somebody comes back from its sign-in.
    r"|([?&](?:code|state)=)[^&\s\"'#]{16,}|((?:%3F|%26)(?:code|state)%3D)(?:(?!%26)[^&\s\"'#]){16,}"
)


def scrub(text: str) -> str:
    """The text with whatever looks like a credential replaced by three dots."""
    return _SECRET_VALUES.sub(lambda match: next(filter(None, match.groups())) + "…", text)
