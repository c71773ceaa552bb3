"""Mastodon 4.x, and servers that speak its API.

The server keeps an `Idempotency-Key` for one hour and answers a repeated one with the status it
already made. Beyond that an unknown outcome is settled by reading the account's statuses back.
Each part of a thread is a status of its own with a key of its own, so a thread that stopped
half-way is taken up where it stopped as long as the keys live.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

from adapters import mastodon_reading as reading
from adapters import validating
from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Capabilities,
    Connection,
    Content,
    Count,
    Health,
    NotFound,
    Option,
    Payload,
    Permit,
    Problem,
    Receipt,
    Rejected,
    Setting,
    Unavailable,
    gettext_noop,
)
from adapters.http import Answer, Line, cannot_tell
from adapters.media import approved_bytes, file_name, rules_of

# The server forgets a key after an hour; ten minutes of that are for clocks and slow answers.
_KEY_LIVES = timedelta(minutes=50)
_POLLS = 10
_VISIBILITIES = ("public", "unlisted", "private")
_SIGN_IN_TROUBLE = ("scope", "disabled", "suspend", "pending", "confirm", "login", "sign in")

# Without looking, an unknown outcome could never be settled; `read:search` is for replies elsewhere alone.
_NEEDED = ("read:accounts", "read:statuses", "write:media", "write:statuses")

TOO_FEW_RIGHTS = gettext_noop(
    "The access token lacks a right that is needed to send pictures or to look at what went out: make one with the"
    " scopes read and write."
)
PARTLY_OUT = gettext_noop("Only the first parts of the thread went out. The rest is missing.")
PARTLY_CORRECTED = gettext_noop("Only the first parts of the thread were corrected.")


class _MastodonLine(Line):
    def forbidden(self, detail: str) -> type[AuthFailed | Rejected]:
        """Mastodon says 403 both for a token that lacks a scope or an account that is locked out,
        and for a single act that is not allowed (a reply to somebody who blocks us)."""
        return AuthFailed if any(word in detail.lower() for word in _SIGN_IN_TROUBLE) else Rejected


class Mastodon:
    """One account on one Mastodon server."""

    network: ClassVar[str] = "mastodon"
    label: ClassVar[str] = "Mastodon"
    capabilities: ClassVar[Capabilities] = Capabilities(
        threads=True,
        media=True,
        max_media=4,
        alt_text=True,
        edit=True,
        edit_keeps=("visibility", "reply_to"),
        delete=True,
        read_back=True,
        idempotency_s=int(_KEY_LIVES.total_seconds()),
        content_warning=True,
        visibilities=_VISIBILITIES,
        reply=True,
        posts_per_minute=60,
        deletes_per_minute=1,
        signs_in=True,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "base_url",
            gettext_noop("Server's address"),
            kind="url",
            help=gettext_noop("For example https://mastodon.social, without the account's name."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop("Access token")
    options: ClassVar[Sequence[Option]] = ()
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 500,
        "characters_reserved_per_url": 23,
        "max_media_attachments": 4,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
        "image_size_limit": 16_777_216,
        "image_matrix_limit": 33_177_600,
        "description_limit": 1500,
        "domain": "",
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        found = validating.problems(content, {**cls.default_limits, **limits}, _VISIBILITIES)
        if content.reply_to and not reading.is_status(content.reply_to):
            message = gettext_noop("Give the address of the post to reply to, or its number.")
            found.append(Problem("reply_unknown", "reply_to", message))
        return found

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        return validating.counts(content, {**cls.default_limits, **limits})

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        body = {
            "parts": validating.parts(content),
            "visibility": content.options.get("visibility") or "public",
            "language": content.options.get("language", ""),
            "spoiler_text": validating.warning(content),
            "reply_to": reading.reply_target(content.reply_to.strip(), str(limits.get("domain", ""))),
        }
        return Payload(cls.network, channel, body, ("media_ids", "in_reply_to_id", "idempotency_key"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._line = _MastodonLine(
            connection.client, str(connection.settings.get("base_url", "")), connection.secret
        )

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        # Everything that may fail harmlessly comes before the first public byte.
        uploaded = [self._upload_all(part) for part in payload.body["parts"]]
        reply_to = self._resolve(payload.body["reply_to"])
        out: list[Mapping[str, Any]] = []
        for place, (part, media_ids) in enumerate(zip(payload.body["parts"], uploaded, strict=True)):
            form = self._form(payload.body, part, media_ids)
            if reply_to:
                form["in_reply_to_id"] = reply_to
            try:
                out.append(self._post(form, part_key(key, place)))
            except AdapterError as error:
                if not out:
                    raise
                # Something is public already, so nothing that is safe to repeat may be claimed.
                raise Ambiguous(
                    PARTLY_OUT, status=error.status, detail=error.detail or error.public
                ) from None
            reply_to = str(out[-1]["id"])
        return reading.receipt(out)

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        out = receipt.parts or (receipt.remote_id,)
        if len(out) != len(payload.body["parts"]):
            raise Rejected(gettext_noop("A correction must have as many parts as the thread that is out."))
        uploaded = [self._upload_all(part) for part in payload.body["parts"]]
        changed: list[Mapping[str, Any]] = []
        for status_id, part, media_ids in zip(out, payload.body["parts"], uploaded, strict=True):
            form = self._form(payload.body, part, media_ids)
            del form["visibility"]
            path = f"/api/v1/statuses/{quote(status_id, safe='')}"
            try:
                changed.append(reading.status_of(self._line.ask("PUT", path, creates=True, json=form)))
            except AdapterError as error:
                if not changed:
                    raise
                detail = error.detail or error.public
                raise Ambiguous(PARTLY_CORRECTED, status=error.status, detail=detail) from None
        return reading.receipt(changed)

    def retract(self, receipt: Receipt) -> None:
        self._line.begin()
        # The last part first: a thread never stands there without its beginning.
        for status_id in reversed(receipt.parts or (receipt.remote_id,)):
            self._line.ask("DELETE", f"/api/v1/statuses/{quote(status_id, safe='')}", accept={404, 410})

    def _form(self, body: Mapping[str, Any], part: Mapping[str, Any], media_ids: list[str]) -> dict[str, Any]:
        warning = body["spoiler_text"]
        form: dict[str, Any] = {
            "status": part["text"],
            "media_ids": media_ids,
            "visibility": body["visibility"],
            "spoiler_text": warning,
            # Said explicitly: the account's own default would otherwise decide what is blurred.
            "sensitive": bool(warning),
        }
        if body["language"]:
            form["language"] = body["language"]
        return form

    def _post(self, form: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        answer = self._line.ask(
            "POST", "/api/v1/statuses", creates=True, json=form, headers={"Idempotency-Key": key}
        )
        return reading.status_of(answer)

    def _upload_all(self, part: Mapping[str, Any]) -> list[str]:
        return [self._upload(item) for item in part["media"]]

    def _upload(self, item: Mapping[str, Any]) -> str:
        file = (file_name(item), approved_bytes(self._connection, item), item["mime"])
        answer = self._line.ask(
            "POST", "/api/v2/media", files={"file": file}, data={"description": item["alt"]}
        )
        media_id = answer.text("id")
        polls = 0
        while answer.status != 200 or not answer.mapping().get("url"):
            if polls == _POLLS:
                raise Unavailable(
                    gettext_noop("The network is still working on a file. Nothing became public.")
                )
            polls += 1
            answer = self._line.ask("GET", f"/api/v1/media/{quote(media_id, safe='')}")
        return media_id

    def _resolve(self, reply_to: str) -> str:
        """This server's id of the post to reply to. A post of another server has to be fetched."""
        if "://" not in reply_to:
            return reply_to
        query = {"q": reply_to, "type": "statuses", "resolve": "true", "limit": "1"}
        found = self._line.ask("GET", "/api/v2/search", params=query).mapping().get("statuses")
        if (
            not isinstance(found, list)
            or not found
            or not isinstance(found[0], dict)
            or not found[0].get("id")
        ):
            raise Rejected(gettext_noop("The post to reply to was not found. Nothing was sent."))
        return str(found[0]["id"])

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        try:
            found = reading.look_for(self._line, payload.body, begun)
        except AdapterError as error:
            return cannot_tell(error)
        if isinstance(found, CannotTell):
            return found
        if not found:
            return NotFound()
        if len(found) == len(payload.body["parts"]):
            return reading.receipt(found)
        # While the keys live, sending again repeats nothing and adds what is missing.
        if datetime.now(UTC) - max(begun, reading.created(found[0])) < _KEY_LIVES:
            return NotFound()
        return CannotTell(PARTLY_OUT)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        try:
            found = reading.reread(self._line, receipt.parts or (receipt.remote_id,), payload.body)
        except AdapterError as error:
            return cannot_tell(error)
        return reading.receipt(found) if isinstance(found, list) else found

    def check(self) -> Health:
        self._line.begin()
        try:
            return self._health()
        except AdapterError as error:
            return Health(False, problem=error.public)

    def _health(self) -> Health:
        me = self._line.ask("GET", "/api/v1/accounts/verify_credentials")
        instance = self._line.ask("GET", "/api/v2/instance").mapping()
        domain = str(instance.get("domain") or urlsplit(self._line.base_url).netloc).lower()
        limits = {**self._read_limits(instance), "domain": domain}
        missing = self._missing_scope(
            self._line.ask("GET", "/api/v1/apps/verify_credentials", accept={401, 403, 404})
        )
        return Health(
            not missing,
            account=f"https://{domain}#{me.text('id')}",
            handle=f"@{me.text('username')}@{domain}",
            url=str(me.mapping().get("url") or ""),
            problem=missing,
            limits=limits,
        )

    @staticmethod
    def _missing_scope(answer: Answer) -> str:
        """Servers from 4.3 on say what a token may do; older ones say nothing, and then we cannot."""
        scopes = answer.mapping().get("scopes") if answer.status == 200 else None
        if not isinstance(scopes, list) or not scopes:
            return ""
        given = set(map(str, scopes))
        missing = [one for one in _NEEDED if not {one, one.partition(":")[0]} & given]
        if "write:statuses" in missing:
            return gettext_noop(
                "The access token may read but not write: make one with the scopes read and write."
            )
        return TOO_FEW_RIGHTS if missing else ""

    @classmethod
    def _read_limits(cls, instance: Mapping[str, Any]) -> dict[str, Any]:
        """The instance's own limits; what it does not say, or says badly, stays at the default."""
        configuration = instance.get("configuration")
        configuration = configuration if isinstance(configuration, dict) else {}
        said: dict[str, Any] = {}
        for section in ("statuses", "media_attachments"):
            part = configuration.get(section)
            said.update(part if isinstance(part, dict) else {})
        limits = dict(cls.default_limits)
        for name, default in cls.default_limits.items():
            value = said.get(name)
            if (
                isinstance(default, int)
                and isinstance(value, int)
                and not isinstance(value, bool)
                and value > 0
            ):
                limits[name] = value
        kinds = said.get("supported_mime_types")
        if isinstance(kinds, list):
            limits["supported_mime_types"] = [
                kind for kind in map(str, kinds) if kind.startswith("image/")
            ] or limits["supported_mime_types"]
        return limits


def part_key(key: str, place: int) -> str:
    """The first part carries the delivery's own key, the ones that follow `key-1`, `key-2`…"""
    return f"{key}-{place}" if place else key
