"""The adapter contract: what a network's file offers, and the one vocabulary of its errors.

An adapter is a pure leaf. It imports neither Django nor any app of the house, keeps no state of
its own, never sleeps and never retries: it turns content into bytes, sends them through the
client it was handed, and says what happened. `docs/adapters.md` is the recipe for a new one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Literal, Protocol

import httpx


def gettext_noop(message: str) -> str:
    """Marks a sentence for translation; the pages translate it, adapters know no language."""
    return message


def canonical(value: Any) -> bytes:
    """JSON in one and only one form: sorted keys, no spaces, UTF-8, no NaN.

    Two payloads are the same bytes for the public exactly when their canonical forms are equal.
    """
    return json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    ).encode()


# --- What goes in ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class MediaItem:
    """One file as the public receives it. `size` in bytes, `width` and `height` in pixels."""

    sha256: str
    mime: str
    alt: str = ""
    width: int = 0
    height: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """What a person wrote for one channel, the channel's variant already chosen.

    `thread` holds the texts that follow `text`, in order. `options` may hold `visibility`,
    `language` (BCP 47), `content_warning` and what the adapter's own `options` name. `reply_to` is the far
    side's id or URL.
    """

    text: str
    media: tuple[MediaItem, ...] = ()
    link: str = ""
    reply_to: str = ""
    thread: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why content cannot be submitted as it is. `message` is an English sentence marked with
    `gettext_noop`, with %(name)s places that `params` fills; `field` names the form's field (`text`, `media`,
    `alt`, `link`, `visibility`, `language`, `content_warning`, `thread`, `reply_to`, or the name of one of
    the network's own `options`)."""

    code: str
    field: str
    message: str
    # `field` is the form's field in this class.
    params: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Count:
    """A length as the network counts it: `used` of `limit`, in the network's own `unit`
    (`characters`, `graphemes`, `bytes`). One for each part of a thread."""

    used: int
    limit: int
    unit: str = "characters"
    part: int = 0


# --- What the digest covers -----------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Payload:
    """Exactly what the public will receive on one channel, and what a reviewer sees.

    `body` is plain JSON. It always has `parts`: a list of `{"text": str, "media": [{"sha256",
    "mime", "alt", "width", "height"}]}`, the first being the post and the others its thread; the
    rest of `body` is the network's own (visibility, language, reply target, resolved mentions…).
    `slots` names what only exists while sending (upload ids, an idempotency key) and is therefore
    not covered by the digest.
    """

    network: str
    channel: str
    body: Mapping[str, Any]
    slots: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "network": self.network,
            "channel": self.channel,
            "body": dict(self.body),
            "slots": list(self.slots),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Payload:
        return cls(stored["network"], stored["channel"], stored["body"], tuple(stored["slots"]))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(canonical(self.as_json())).hexdigest()


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to send one payload on one channel. Minted and spent in the database by
    `publishing/releasing.py`; this is the copy an adapter demands before the first byte."""

    id: int
    delivery_id: int
    channel: str
    digest: str
    payload_sha256: str

    def demand(self, payload: Payload) -> None:
        """Raises PermitRefused unless these are the bytes and the channel that were approved."""
        if payload.channel != self.channel or payload.sha256 != self.payload_sha256:
            raise PermitRefused("The permit is for another payload or channel.")


class PermitRefused(Exception):
    """Somebody asked an adapter to send what no permit covers: a fault in our own code."""


# --- What comes back --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Receipt:
    """What the network accepted. `parts` holds the ids of every part of a thread, the first one
    included; `answer` a short, secret-free extract of what it said."""

    remote_id: str
    url: str = ""
    parts: tuple[str, ...] = ()
    answer: str = ""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The network was read and does not have it."""


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The network could not be read, or offers no way to look: a person is asked. `again` says
    that it merely could not be read just now, so another look later may still settle it; `ran_out`
    that the credentials have to be renewed before that."""

    why: str = ""
    again: bool = False
    ran_out: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """Who the channel's account is and what it may do. `account` is the network's own stable
    identity (one brand of an installation may hold it), `limits` the snapshot to validate and
    render with. `problem` is an English sentence marked with `gettext_noop`, empty when well."""

    ok: bool
    account: str = ""
    handle: str = ""
    url: str = ""
    problem: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing to fill in when a channel is connected. `check` says whether a value will do."""

    name: str
    label: str
    required: bool = True
    kind: Literal["text", "url"] = "text"
    help: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that a post may say for this network alone, beside visibility, language and content warning:
    a title, a category. Kept as text in `Content.options`; `choices` are (value, label)."""

    name: str
    label: str
    kind: Literal["text", "choice", "flag"] = "text"
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class Renewal:
    """A secret that takes the place of the one before, and when it runs out, if the network says so."""

    secret: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class App:
    """What a network knows this installation by, where whoever runs it entered that, or we made ourselves known.
    `home`: the address of the API that it belongs to, empty for the network's own: its secret goes there, and
    nowhere else. It is never part of a channel's secret."""

    client_id: str
    client_secret: str = ""
    home: str = ""


def lent(app: App | None, base_url: str, own: str) -> App | None:
    """The app, for a line to `base_url`, where that is its home; None for a line to anywhere else. `own` is the
    network's own address."""
    return app if app is not None and base_url.rstrip("/") == (app.home or own) else None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a network can do; the pages show only what is possible here.

    `idempotency_s`: for how many seconds the network itself recognises a repeated key (0: never).
    `read_back`: whether `reconcile` can find a post without its id.
    `edit_keeps`: names of a payload's `body` that an edit cannot change there.
    `priced`: whether the network charges for a post, and the adapter says how much (`Priced`).
    `renews`: whether its credentials run out and the adapter can renew them (`Renewing`).
    `by_hand`: whether a person posts there, from a page with the approved bytes, and says so (`ByHand`).
    `signs_in`: whether a person can be sent there to sign in (`adapters/signing_in.py`).
    """

    threads: bool = False
    media: bool = True
    max_media: int = 4
    alt_text: bool = True
    edit: bool = False
    edit_keeps: tuple[str, ...] = ()
    delete: bool = False
    read_back: bool = False
    idempotency_s: int = 0
    content_warning: bool = False
    visibilities: tuple[str, ...] = ()
    reply: bool = False
    posts_per_minute: int = 60
    deletes_per_minute: int = 60
    priced: bool = False
    renews: bool = False
    by_hand: bool = False
    signs_in: bool = False

    @property
    def reconcilable(self) -> bool:
        """Whether an unknown outcome can be settled without asking a person."""
        return self.idempotency_s > 0 or self.read_back


# --- The one vocabulary of the far side's errors ----------------------------------------------
class AdapterError(Exception):
    """What went wrong on the far side. `public` is a short sentence without secrets, for people,
    marked with `gettext_noop`; `status` the HTTP status, if there was one; `detail` the network's
    own words, secrets removed and cut short, in whatever language it speaks."""

    def __init__(self, public: str = "", *, status: int | None = None, detail: str = "") -> None:
        super().__init__(f"{public} ({detail})" if detail else public)
        self.public = public
        self.status = status
        self.detail = detail


class AuthFailed(AdapterError):
    """The network no longer accepts our credentials: a person must reconnect the channel."""


class Expired(AuthFailed):
    """The credentials ran out, and `renew` may bring fresh ones. Nothing was sent."""


class RateLimited(AdapterError):
    """Not now. `retry_after` in seconds as the network said, or None when it did not say."""

    def __init__(
        self,
        public: str = "",
        *,
        retry_after: float | None = None,
        status: int | None = 429,
        detail: str = "",
    ) -> None:
        super().__init__(public, status=status, detail=detail)
        self.retry_after = retry_after


class Rejected(AdapterError):
    """The network refused this content; sending it again changes nothing."""


class Duplicate(AdapterError):
    """The network says it already has it: reconcile to learn which one."""


class NotSent(AdapterError):
    """Nothing left this machine: connection, DNS or TLS failed. Safe to try again."""


class Ambiguous(AdapterError):
    """The request went out and no clear answer came back: it may be public. Never resent blindly."""


class Unavailable(AdapterError):
    """The network said, before taking the post, that it cannot now (503, maintenance). Safe to try again."""


class ByHand(AdapterError):
    """No machine sends anything here: a person posts it, and says when it is out."""


# --- The contract ---------------------------------------------------------------------------------
def nowhere(item: Mapping[str, Any]) -> str:
    """No file has a public address. Raises NotSent."""
    raise NotSent(
        gettext_noop("This installation has no public address: the network cannot fetch the picture.")
    )


@dataclass(frozen=True, slots=True)
class Connection:
    """One channel as an adapter sees it: public settings, the limits snapshot, the secret, the
    client to send through, a way to read the approved media by their SHA-256, and `public_url`: for an
    entry of `parts[…]["media"]`, a signed address that soon expires, where a network that fetches files by itself
    finds exactly those bytes. It raises NotSent where the installation has no public address. `app` is what renews
    a secret that was given for it."""

    channel: str
    settings: Mapping[str, Any]
    limits: Mapping[str, Any]
    secret: str
    client: httpx.Client
    read_media: Callable[[str], bytes]
    public_url: Callable[[Mapping[str, Any]], str] = nowhere
    app: App | None = None


class Adapter(Protocol):
    """One network. The class itself carries what needs no connection."""

    network: ClassVar[str]
    label: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    settings: ClassVar[Sequence[Setting]]
    secret_label: ClassVar[str]
    options: ClassVar[Sequence[Option]]
    default_limits: ClassVar[Mapping[str, Any]]

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        """Every reason why this content cannot go out here, with counts as the network counts."""

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        """The lengths of the post and of each part of its thread."""

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        """The exact bytes, with named slots for what exists only while sending. Pure and total:
        it renders also what `validate` objects to, so that a preview can be shown."""

    def __init__(self, connection: Connection) -> None: ...

    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        """Sends, once. `key` and `begun`, the moment of the first attempt with this key, were fixed in the
        database before its first byte, and are the same for every attempt at these bytes: whatever the
        network's identity of a post is made of comes from them. Raises AdapterError, or PermitRefused before
        any byte."""

    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        """Looks whether a send with this key, first begun at `begun`, went out. Never creates anything."""

    def retract(self, receipt: Receipt) -> None:
        """Deletes on the network. Already gone is success. Raises AdapterError."""

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        """Replaces the content of what is out, where the network can edit. Doing it twice does no harm.
        Once a part is changed, whatever fails then is `Ambiguous`: some of it is public."""

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        """Looks whether what is out there says this payload already: after a correction whose answer was
        lost. `NotFound` when it does not, or when that cannot be seen (a picture): correcting again is
        harmless. Never changes anything."""

    def check(self) -> Health:
        """Who am I, what may I, until when. Never posts. Far-side faults become `problem`."""


class Priced(Adapter, Protocol):
    """A network that charges for a post (`capabilities.priced`)."""

    @classmethod
    def price(cls, content: Content, limits: Mapping[str, Any]) -> Decimal:
        """What publishing this costs, in US dollars."""


class Renewing(Adapter, Protocol):
    """A network whose credentials run out and are renewed (`capabilities.renews`)."""

    def renew(self) -> Renewal:
        """Trades the secret for a fresh one: a first sign-in with what a person typed, a refresh afterwards.
        The caller sees to it that one process does this at a time, since a refresh token may be good for
        one use, and keeps the answer. Raises AdapterError; AuthFailed means that a person must reconnect."""
