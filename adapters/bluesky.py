"""Bluesky: an account on any PDS of the AT Protocol.

A post is a record in the account's repository. Its key and its `createdAt` come from the delivery's key and
the moment of the first attempt, so every attempt writes the same record: the network takes an identical
`putRecord` for the one it has, and `getRecord` tells for good whether a post is out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from adapters import bluesky_reading as reading
from adapters import bluesky_records as records
from adapters import bluesky_session as sessions
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
    Duplicate,
    Expired,
    Health,
    NotFound,
    Option,
    Payload,
    Permit,
    Problem,
    Receipt,
    Rejected,
    Renewal,
    Setting,
    gettext_noop,
)
from adapters.bluesky_records import Address, Ref
from adapters.bluesky_session import PdsLine, RecordMissing, Session
from adapters.bluesky_text import facets, size
from adapters.http import BAD_SECRET, cannot_tell
from adapters.media import approved_bytes, rules_of

PARTLY_OUT = gettext_noop("Only the first parts of the thread went out. The rest is missing.")
NO_EDIT = gettext_noop("This network cannot change a post: take it away and publish it anew.")
NOT_OURS = gettext_noop("This post belongs to another account of the network.")


class Bluesky:
    """One account, by its DID."""

    network: ClassVar[str] = "bluesky"
    label: ClassVar[str] = "Bluesky"
    capabilities: ClassVar[Capabilities] = Capabilities(
        threads=True,
        max_media=4,
        delete=True,
        read_back=True,
        # A record keeps its key for good.
        idempotency_s=365 * 86_400,
        reply=True,
        # 5,000 points an hour and 35,000 a day for an account: 3 for a post, 1 for a deletion.
        posts_per_minute=20,
        deletes_per_minute=60,
        renews=True,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "base_url",
            gettext_noop("Server's address"),
            kind="url",
            help=gettext_noop("https://bsky.social, or the address of the account's own PDS."),
        ),
        Setting(
            "handle", gettext_noop("Handle"), help=gettext_noop("For example maison-lumiere.bsky.social.")
        ),
    )
    secret_label: ClassVar[str] = gettext_noop("App password")
    options: ClassVar[Sequence[Option]] = (
        Option(
            "link_title",
            gettext_noop("Title of the link's card"),
            help=gettext_noop("Without pictures, a link is shown as a card. Empty: the site's name."),
        ),
        Option("link_description", gettext_noop("Text of the link's card")),
        Option(
            "label",
            gettext_noop("Label for sensitive pictures"),
            "choice",
            (
                ("", gettext_noop("No label")),
                ("sexual", gettext_noop("Suggestive")),
                ("nudity", gettext_noop("Nudity")),
                ("porn", gettext_noop("Adult")),
                ("graphic-media", gettext_noop("Violent or bloody")),
            ),
        ),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_graphemes": 300,
        "max_bytes": 3000,
        "max_media_attachments": 4,
        # It takes animated GIFs too, and shows them as stills: not what was approved.
        "supported_mime_types": ["image/jpeg", "image/png", "image/webp"],
        "image_size_limit": 2_000_000,
        "image_matrix_limit": 100_000_000,
        "description_limit": 2000,
    }

    # --- Before anything is sent ------------------------------------------------------------------
    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        limits = {**cls.default_limits, **limits}
        found = validating.problems(content, {**limits, **validating.ANY_LENGTH}, ())
        found += validating.not_offered(content, cls.capabilities)
        for place, text in enumerate(records.texts_of(content)):
            found += cls._length_problems(text, place, limits)
        if content.reply_to and Address.read(content.reply_to) is None:
            message = gettext_noop(
                "Give the address of the post to reply to: its page on bsky.app, or at://…"
            )
            found.append(Problem("reply_unknown", "reply_to", message))
        label = content.options.get("label", "")
        if label and label not in records.LABELS:
            message = gettext_noop("This network has no label “%(label)s”.")
            found.append(Problem("label_unknown", "label", message, {"label": label}))
        return found

    @staticmethod
    def _length_problems(text: str, place: int, limits: Mapping[str, Any]) -> list[Problem]:
        characters = gettext_noop("The text is %(over)s characters too long: %(used)s of %(limit)s.")
        weight = gettext_noop("The text is %(over)s bytes too long: %(used)s of %(limit)s bytes.")
        measures = (("too_long", "max_graphemes", characters), ("too_many_bytes", "max_bytes", weight))
        found = []
        for used, (code, name, message) in zip(size(text), measures, strict=True):
            limit = int(limits[name])
            if used > limit:
                params = {"used": used, "limit": limit, "over": used - limit, "part": place + 1}
                found.append(Problem(code, "thread" if place else "text", message, params))
        return found

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        """Graphemes, or bytes where those are the tighter limit (a family of emoji has 25 in one)."""
        limits = {**cls.default_limits, **limits}
        counted = []
        for place, text in enumerate(records.texts_of(content)):
            seen, weight = size(text)
            both = (
                Count(seen, int(limits["max_graphemes"]), "graphemes", place),
                Count(weight, int(limits["max_bytes"]), "bytes", place),
            )
            counted.append(max(both, key=lambda count: count.used / count.limit))
        return counted

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        parts, texts = validating.parts(content), records.texts_of(content)
        for part, text in zip(parts, texts, strict=True):
            part["text"] = text
        target = Address.read(content.reply_to)
        body = {
            "parts": parts,
            # By part: what can be clicked. Whose a mentioned handle is, is looked up while sending.
            "facets": [[facet.as_json() for facet in facets(text)] for text in texts],
            **records.card_of(content),
            "language": content.options.get("language", ""),
            "label": content.options.get("label", ""),
            "reply_to": str(target) if target else validating.tidy(content.reply_to),
        }
        return Payload(cls.network, channel, body, ("blobs", "mention_dids", "reply_refs", "rkeys"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        base_url = str(connection.settings.get("base_url", ""))
        self._handle = str(connection.settings.get("handle", "")).strip().removeprefix("@").lower()
        self._session = Session.read(connection.secret)
        # Reading is open to everybody there, and so needs no sign-in that may have run out.
        self._open = PdsLine(connection.client, base_url, "", self._session)
        self._line = PdsLine(connection.client, base_url, self._session.access, self._session)

    def _begin(self) -> str:
        """Starts a conversation; answers the account's DID. Raises AuthFailed before any byte."""
        if not self._session.access or not self._session.did:
            raise Expired(sessions.SIGN_IN) if self._session.password else AuthFailed(BAD_SECRET)
        self._open.begin()
        self._line.begin()
        return self._session.did

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        body, did = payload.body, self._begin()
        # Everything that may fail harmlessly comes before the first public byte.
        files = [
            [(item, approved_bytes(self._connection, item)) for item in part["media"]]
            for part in body["parts"]
        ]
        blobs = [[self._upload(item, content) for item, content in one] for one in files]
        dids = reading.mentioned(self._open, body)
        target = body["reply_to"]
        reply = reading.reply_to(self._open, self._line, target) if target else None
        out: list[Ref] = []
        for place in range(len(body["parts"])):
            record = records.record_of(body, place, begun, dids, blobs[place], reply)
            try:
                out.append(self._put(did, records.tid(key, begun, place), record, body, place))
            except AdapterError as error:
                if not out:
                    raise
                # Something is public already, so nothing that is safe to repeat may be claimed.
                detail = error.detail or error.public
                raise Ambiguous(PARTLY_OUT, status=error.status, detail=detail) from None
            reply = {"root": reply["root"] if reply else out[0], "parent": out[-1]}
        return self._receipt(out)

    def _put(
        self, did: str, rkey: str, record: Mapping[str, Any], body: Mapping[str, Any], place: int
    ) -> Ref:
        """Writes one record, or finds it written. `swapRecord: null` says that there must be none yet: what
        stands under this key is never overwritten, should a mention lead elsewhere than a moment ago."""
        form = {
            "repo": did,
            "collection": records.POST,
            "rkey": rkey,
            "record": record,
            "swapRecord": None,
        }
        try:
            answer = self._line.ask("POST", "/xrpc/com.atproto.repo.putRecord", creates=True, json=form)
        except Duplicate:
            there = reading.look(self._open, did, rkey)
            if there is None or not records.says(there.mapping().get("value") or {}, body, place):
                raise
            return reading.ref_of(there)
        ref = reading.ref_of(answer)
        if ref["uri"] != str(Address(did, rkey)):
            raise answer.unclear()
        return ref

    def _upload(self, item: Mapping[str, Any], content: bytes) -> Mapping[str, Any]:
        answer = self._line.ask(
            "POST",
            "/xrpc/com.atproto.repo.uploadBlob",
            content=content,
            headers={"Content-Type": item["mime"]},
        )
        blob = answer.mapping().get("blob")
        ref = blob.get("ref") if isinstance(blob, dict) else None
        if not isinstance(blob, dict) or not isinstance(ref, dict) or not isinstance(ref.get("$link"), str):
            raise answer.unclear()
        return blob

    def _receipt(self, out: Sequence[Ref]) -> Receipt:
        parts = tuple(ref["uri"] for ref in out)
        did, rkey = self._session.did, parts[0].rsplit("/", 1)[-1]
        handle = self._session.handle or self._handle
        return Receipt(parts[0], records.page_of(handle, did, rkey), parts, f"cid {out[0]['cid']}")

    # --- Afterwards -------------------------------------------------------------------------------
    def retract(self, receipt: Receipt) -> None:
        did = self._begin()
        addresses = [Address.read(part) for part in receipt.parts or (receipt.remote_id,)]
        if any(address is None or address.whose != did for address in addresses):
            raise Rejected(NOT_OURS)
        # The last part first: a thread never stands there without its beginning.
        for address in reversed(addresses):
            form = {"repo": did, "collection": records.POST, "rkey": address.rkey if address else ""}
            try:
                self._line.ask("POST", "/xrpc/com.atproto.repo.deleteRecord", json=form)
            except RecordMissing:
                continue

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        raise Rejected(NO_EDIT)

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        """By the record's key alone. Half a thread counts as not found: its keys never run out, so sending
        again repeats nothing and adds the rest."""
        rkeys = [records.tid(key, begun, place) for place in range(len(payload.body["parts"]))]
        return self._find(rkeys, payload.body)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        out = receipt.parts or (receipt.remote_id,)
        if len(out) != len(payload.body["parts"]):
            return NotFound()
        found = self._find([part.rsplit("/", 1)[-1] for part in out], payload.body)
        says_other = isinstance(found, CannotTell) and found.why == reading.SAYS_OTHER
        return NotFound() if says_other else found

    def _find(self, rkeys: Sequence[str], body: Mapping[str, Any]) -> Receipt | NotFound | CannotTell:
        try:
            found = reading.find(self._open, self._begin(), rkeys, body)
        except AdapterError as error:
            return cannot_tell(error)
        if isinstance(found, CannotTell):
            return found
        return self._receipt(found) if len(found) == len(rkeys) else NotFound()

    def check(self) -> Health:
        try:
            return self._health()
        except AdapterError as error:
            return Health(False, problem=error.public)

    def _health(self) -> Health:
        did = self._begin()
        answer = self._line.ask("GET", "/xrpc/com.atproto.server.getSession")
        me, handle = answer.mapping(), answer.text("handle")
        if answer.text("did") != did:
            return Health(False, problem=sessions.OTHER_ACCOUNT)
        trouble = sessions.standing(me)
        return Health(
            not trouble,
            account=did,
            handle=f"@{handle}",
            url=f"https://bsky.app/profile/{did if handle == 'handle.invalid' else handle}",
            problem=gettext_noop("The account is not active on this network: %(status)s.") if trouble else "",
            params={"status": trouble} if trouble else {},
            # No end: the sign-in is renewed for as long as the app password stands.
            limits=dict(self.default_limits),
        )

    def renew(self) -> Renewal:
        return sessions.renewed(
            self._connection.client,
            str(self._connection.settings.get("base_url", "")),
            self._handle,
            self._session,
        )
