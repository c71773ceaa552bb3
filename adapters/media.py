"""Reading the approved files, and making sure that they still are the approved ones."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from adapters.base import Connection, NotSent, Rejected, gettext_noop

_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
}


def approved_bytes(connection: Connection, item: Mapping[str, Any]) -> bytes:
    """The file of one entry of `parts[…]["media"]`. The digest covers its SHA-256, so a file that
    was replaced in the store since is not sent."""
    try:
        content = connection.read_media(item["sha256"])
    except FileNotFoundError:
        raise Rejected(gettext_noop("An approved file is no longer there. Nothing was sent.")) from None
    except OSError:
        raise NotSent(
            gettext_noop("An approved file could not be read just now. Nothing was sent.")
        ) from None
    if hashlib.sha256(content).hexdigest() != item["sha256"]:
        raise Rejected(gettext_noop("A file is no longer the one that was approved. Nothing was sent."))
    return content


def file_name(item: Mapping[str, Any]) -> str:
    """A name that says nothing about the person or machine it came from."""
    return str(item["sha256"])[:16] + _EXTENSIONS.get(item["mime"], ".bin")
