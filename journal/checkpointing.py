"""Signed notes of how far each chain had come, kept outside the database.

Whoever holds the database could cut the journal's tail, or rewrite it from some entry on and seal it anew:
its own chain would be whole again. A checkpoint written before says otherwise. Each is a line of JSON: brand,
number and hash of the chain's head, how many links, when; it names the line before by its hash, and is signed
(Ed25519). The key comes from SECRET_KEY; who verifies needs its public half only.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Brand
from journal.models import Chain, Seal
from journal.sealing import GENESIS, seal

_PURPOSE: Final = b"cm-queue journal checkpoints 1"
_AT_ONCE = 500
_LONGEST_LINE = 4096
FIELDS: Final = ("brand", "slug", "sequence", "head", "count", "at", "previous", "key", "signature")


def signing_key() -> Ed25519PrivateKey:
    """Derived from SECRET_KEY: nothing more to keep, and nothing in the database."""
    secret = HKDF(SHA256(), 32, salt=None, info=_PURPOSE).derive(settings.SECRET_KEY.encode())
    return Ed25519PrivateKey.from_private_bytes(secret)


def public_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def _canonical(fields: Mapping[str, Any]) -> bytes:
    said = {name: fields[name] for name in FIELDS if name != "signature"}
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _hash(line: bytes) -> str:
    return hashlib.sha256(line.rstrip(b"\n")).hexdigest()


# --- Writing -----------------------------------------------------------------------------------------------
def checkpoint(path: Path) -> int:
    """Seals what is not sealed yet and appends a line for each chain, on the disk when this returns. Answers
    how many. Two at a time wait for each other. Raises OSError."""
    while seal():
        pass
    key = signing_key()
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        previous = _hash(_last_line(file))
        heads = list(_heads())
        for fields in heads:
            fields |= {"previous": previous, "key": public_hex(key)}
            fields["signature"] = key.sign(_canonical(fields)).hex()
            line = json.dumps(fields, ensure_ascii=False, sort_keys=True).encode() + b"\n"
            file.write(line)
            previous = _hash(line)
        file.flush()
        os.fsync(file.fileno())
    return len(heads)


def _heads() -> Iterator[dict[str, Any]]:
    at = database_now().astimezone(UTC).isoformat(timespec="microseconds")
    for chain in Chain.objects.select_related("brand").order_by("pk"):
        of = {"brand__isnull": True} if chain.brand_id is None else {"brand_id": chain.brand_id}
        yield {
            "brand": chain.brand_id,
            "slug": chain.brand.slug if chain.brand else "",
            "sequence": chain.sequence,
            "head": chain.head,
            "count": Seal.objects.filter(**of, sequence__lte=chain.sequence).count(),
            "at": at,
        }


def _last_line(file: Any) -> bytes:
    """The last whole line; empty for an empty file."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 2 * _LONGEST_LINE))
    lines: list[bytes] = file.read().splitlines()
    file.seek(0, os.SEEK_END)
    if end and lines:
        file.seek(end - 1)
        if file.read(1) != b"\n":
            # A line that a full disk cut short: it is left as the fault it is, and the next begins anew.
            file.write(b"\n")
    return lines[-1] if lines else b""


# --- Comparing ---------------------------------------------------------------------------------------------
def compare(path: Path, public_key: str = "", brand: Brand | None = None) -> Iterator[str]:
    """Each fault that the checkpoints show, in a sentence: a forged, altered or missing line; a chain that
    was cut or rewritten since. `public_key` (hex) defaults to our own. With `brand` only its chain is
    compared. Streams the file. Raises OSError, and ValueError for a key that is none."""
    key = public_key or public_hex(signing_key())
    trusted = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    expected, number, page = _hash(b""), 0, []
    newest: dict[int | None, Mapping[str, Any]] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            fields = _read(line, trusted)
            if fields is None:
                yield _("Line %(number)s is not one of our checkpoints: its signature is not ours.") % {
                    "number": number
                }
            elif fields["previous"] != expected:
                yield _(
                    "Line %(number)s does not follow the line before: a line was taken out or put in."
                ) % {"number": number}
            if fields is not None and (brand is None or fields["brand"] == brand.pk):
                page.append(fields)
                newest[fields["brand"]] = fields
            expected = _hash(line)
            if len(page) == _AT_ONCE:
                yield from _chains(page)
                page = []
    yield from _chains(page)
    yield from _counts(newest)
    if number == 0:
        yield _("There is no checkpoint in this file.")


def _read(line: bytes, trusted: Ed25519PublicKey) -> dict[str, Any] | None:
    """A checkpoint that was signed with the trusted key; None for anything else."""
    try:
        fields = json.loads(line) if len(line) <= _LONGEST_LINE else None
    except ValueError:
        return None
    if not isinstance(fields, dict) or set(fields) != set(FIELDS):
        return None
    numbers = all(isinstance(fields[name], int) for name in ("sequence", "count"))
    texts = all(isinstance(fields[name], str) for name in ("slug", "head", "at", "previous", "signature"))
    known = fields["brand"] is None or isinstance(fields["brand"], int)
    return fields if numbers and texts and known and _signed(fields, trusted) else None


def _signed(fields: Mapping[str, Any], trusted: Ed25519PublicKey) -> bool:
    try:
        trusted.verify(bytes.fromhex(fields["signature"]), _canonical(fields))
    except (InvalidSignature, ValueError):
        return False
    return True


def _chains(page: list[dict[str, Any]]) -> Iterator[str]:
    """Whether each chain still has, at the place of the checkpoint, the link it had then."""
    by_brand: dict[int | None, list[dict[str, Any]]] = {}
    for fields in page:
        by_brand.setdefault(fields["brand"], []).append(fields)
    for brand_id, lines in by_brand.items():
        of = {"brand__isnull": True} if brand_id is None else {"brand_id": brand_id}
        places = {fields["sequence"] for fields in lines if fields["sequence"]}
        hashes = dict(Seal.objects.filter(**of, sequence__in=places).values_list("sequence", "hash"))
        for fields in lines:
            found = hashes.get(fields["sequence"], GENESIS if fields["sequence"] == 0 else None)
            told = {**fields, "slug": fields["slug"] or "(installation)", "at": _moment(fields["at"])}
            if found is None:
                yield (
                    _("%(slug)s: on %(at)s the chain had %(sequence)s links; it ends before that now.") % told
                )
            elif found != fields["head"]:
                yield (
                    _("%(slug)s: link %(sequence)s is not the one of %(at)s: the chain was rewritten.") % told
                )


def _counts(newest: Mapping[int | None, Mapping[str, Any]]) -> Iterator[str]:
    for brand_id, fields in newest.items():
        of = {"brand__isnull": True} if brand_id is None else {"brand_id": brand_id}
        now = Seal.objects.filter(**of, sequence__lte=fields["sequence"]).count()
        if now != fields["count"]:
            yield _(
                "%(slug)s: %(count)s links were counted on %(at)s up to link %(sequence)s; %(now)s are there."
            ) % {
                **fields,
                "slug": fields["slug"] or "(installation)",
                "at": _moment(str(fields["at"])),
                "now": now,
            }


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return text
