"""Which addresses may be links: what a network answers is not ours."""

from __future__ import annotations

from urllib.parse import urlsplit


def safe_url(url: str) -> str:
    """A network's address if it can be a link, else nothing."""
    return url if _scheme(url) in {"https", "http"} else ""


def app_url(url: str) -> str:
    """The same for an address that opens an app, which has to be https."""
    return url if _scheme(url) == "https" else ""


def _scheme(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return parts.scheme if parts.hostname else ""
