"""Reads the process environment, strictly.

Every variable is parsed here and nowhere else. A bad value stops the start with the variable's
name, because a server that runs with half its configuration guessed is worse than one that
does not run.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


class Environment:
    """The variables of one process. Every reader raises ImproperlyConfigured naming its variable."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def text(self, name: str, default: str = "") -> str:
        value = self._values.get(name, default)
        if "\x00" in value:
            raise ImproperlyConfigured(f"{name}: a NUL byte does not belong there.")
        return value.strip()

    def flag(self, name: str, default: bool = False) -> bool:
        raw = self.text(name, "1" if default else "0").lower()
        if raw in _TRUE:
            return True
        if raw in _FALSE:
            return False
        raise ImproperlyConfigured(f"{name}: expected 1 or 0, got {raw!r}.")

    def number(self, name: str, default: int, least: int, most: int) -> int:
        raw = self.text(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,9}", raw):
            raise ImproperlyConfigured(f"{name}: expected a whole number, got {raw!r}.")
        value = int(raw)
        if not least <= value <= most:
            raise ImproperlyConfigured(f"{name}: expected {least} to {most}, got {value}.")
        return value

    def names(self, name: str, default: str = "") -> list[str]:
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name) or default
        if value not in allowed:
            raise ImproperlyConfigured(f"{name}: expected one of {', '.join(allowed)}, got {value!r}.")
        return value

    def folder(self, name: str, default: Path) -> Path:
        raw = self.text(name)
        path = Path(raw).expanduser() if raw else default
        if path.exists() and not path.is_dir():
            raise ImproperlyConfigured(f"{name}: {path} is not a folder.")
        return path.absolute()

    def database(self, name: str, default: str) -> dict[str, Any]:
        raw = self.text(name) or default
        scheme = raw.split(":", 1)[0]
        if scheme not in {"sqlite", "postgres", "postgresql"}:
            raise ImproperlyConfigured(f"{name}: expected sqlite:// or postgres://, got {scheme!r}.")
        try:
            config: dict[str, Any] = dict(environ.Env.db_url_config(raw))
        except Exception as error:
            raise ImproperlyConfigured(f"{name}: it cannot be read as a database address.") from error
        if not config.get("NAME"):
            raise ImproperlyConfigured(f"{name}: it names no database.")
        return config

    def redis(self, name: str, default: str) -> str:
        raw = self.text(name) or default
        if urlsplit(raw).scheme not in {"redis", "rediss", "unix"}:
            raise ImproperlyConfigured(f"{name}: expected redis://, rediss:// or unix://.")
        return raw

    def email(self, name: str, default: str) -> dict[str, Any]:
        raw = self.text(name) or default
        try:
            config: dict[str, Any] = dict(environ.Env.email_url_config(raw))
        except Exception as error:
            raise ImproperlyConfigured(f"{name}: it cannot be read as a mail server's address.") from error
        if not config.get("EMAIL_BACKEND"):
            raise ImproperlyConfigured(
                f"{name}: expected smtp+tls://, smtp://, consolemail:// or filemail://."
            )
        if config.get("EMAIL_FILE_PATH"):
            # django-environ drops the slash that makes it an absolute path.
            config["EMAIL_FILE_PATH"] = f"/{str(config['EMAIL_FILE_PATH']).lstrip('/')}"
        return config

    def origin(self, name: str, default: str) -> str:
        raw = (self.text(name) or default).rstrip("/")
        parts = urlsplit(raw)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path:
            raise ImproperlyConfigured(f"{name}: expected an address such as https://queue.example.org.")
        return raw

    def host(self, name: str, default: str) -> str:
        """A host to listen on; an IPv6 address comes without its brackets."""
        raw = self.text(name) or default
        if not re.fullmatch(r"[A-Za-z0-9.:\-\[\]]+", raw):
            raise ImproperlyConfigured(f"{name}: {raw!r} is not a host to listen on.")
        return raw.strip("[]")

    def private_hosts(self, name: str) -> bool | frozenset[str]:
        """True (any), or the set of host:port that may be private; empty refuses them all."""
        raw = self.text(name)
        if raw in {"", "0"}:
            return frozenset()
        if raw == "1":
            return True
        entries = self.names(name)
        for entry in entries:
            found = re.fullmatch(r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.\-]+):([0-9]{1,5})", entry)
            if found is None or not 1 <= int(found[1]) <= 65535:
                raise ImproperlyConfigured(f"{name}: expected 1 or a list of host:port, got {entry!r}.")
        return frozenset(entry.lower() for entry in entries)

    def keys(self, name: str) -> list[str]:
        """Fernet keys, newest first: 32 bytes each in URL-safe base64."""
        found = self.names(name)
        for key in found:
            try:
                right = len(base64.urlsafe_b64decode(key.encode())) == 32
            except (ValueError, UnicodeEncodeError):
                right = False
            if not right:
                raise ImproperlyConfigured(f"{name}: each key must be 32 bytes in URL-safe base64.")
        return found


@dataclass(frozen=True)
class KeyFiles:
    """The two keys that `manage.py` makes once for a machine that was given none."""

    folder: Path

    def secret_key(self) -> str:
        return self._read_or_make("secret_key", lambda: secrets.token_urlsafe(50))

    def encryption_keys(self) -> list[str]:
        made = self._read_or_make(
            "encryption_keys", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        )
        return [line.strip() for line in made.splitlines() if line.strip()]

    def _read_or_make(self, name: str, make: Any) -> str:
        path = self.folder / name
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            # Written aside and linked into place: of two processes that start together one wins,
            # and neither reads half a key.
            aside = self.folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
            handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(make() + "\n")
            try:
                os.link(aside, path)
            except FileExistsError:
                pass
            finally:
                aside.unlink()
        text = path.read_text().strip()
        if not text:
            raise ImproperlyConfigured(f"{path.name} in the data folder is empty.")
        return text


def in_brackets(host: str) -> str:
    """A host as it stands in an address and in ALLOWED_HOSTS: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


def host_of(origin: str) -> str:
    """The host of an address, as ALLOWED_HOSTS spells it."""
    return in_brackets(urlsplit(origin).hostname or "")


def is_loopback(host: str) -> bool:
    """Whether a host to listen on can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_public(host: str) -> bool:
    """Whether a host may be found from outside: a name with a dot, or an address that is nobody's own."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return "." in host and not host.endswith((".local", ".localhost", ".internal", ".home.arpa"))


def apps_of(entered: Mapping[str, Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """{network: (id, secret)} of the networks for which both were entered. Raises ImproperlyConfigured for half."""
    found = {}
    for network, pair in entered.items():
        given = [name for name, value in pair.items() if value]
        if len(given) == 1:
            missing = next(name for name in pair if name not in given)
            raise ImproperlyConfigured(f"{given[0]}: set {missing} too, or neither.")
        if given:
            found[network] = tuple(pair.values())
    return found
