"""What may be sent. Here only the shapes; what is in them is read by the verbs, in the trade's words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from cm_queue.api.paging import BIGGEST_ID
from posts.reading import Draft

Id = Annotated[StrictInt, Field(ge=1, le=BIGGEST_ID)]


class Body(BaseModel):
    """A field that does not exist is refused rather than ignored: a slip of the pen is told."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class WindowIn(Body):
    begin: str = Field(alias="from")
    until: str


class MediaIn(BaseModel):
    """A picture that was uploaded, by `id` (or `sha256`). What a post answers of it may be sent back."""

    model_config = ConfigDict(extra="ignore")
    id: Id | None = None
    sha256: str = Field("", max_length=64)
    alt: str = ""


class DraftIn(Body):
    """What is left out of a draft is empty; what is left out of a change stays as it was."""

    kind: str = Field("routine", description="routine, launch, reply, sensitive_reply, crisis")
    products: list[str] = Field([], max_length=100)
    topics: list[str] = Field([], max_length=100)
    channels: list[str] = Field([], max_length=100, description="keys of the brand's channels")
    text: str = ""
    variants: dict[str, str] = Field({}, description="{channel: text} where it differs")
    media: list[MediaIn] = Field([], max_length=20)
    link: str = ""
    reply_to: str = ""
    thread: list[str] = []
    options: dict[str, dict[str, str]] = Field(
        {}, description="{channel: {visibility, language, content_warning}}"
    )
    slot: str | None = Field(
        None, description='ISO 8601 (without offset: local to the brand), or "on_approval"'
    )
    window: WindowIn | None = Field(None, description="default: the slot's local day")
    late_minutes: StrictInt = Field(60, description="how late it may still go out; default: the brand's")

    def as_draft(self) -> Draft:
        """Only what was sent. Media stay as they were sent: `sha256` is looked up by the caller."""
        sent: dict[str, Any] = self.model_dump(by_alias=True, exclude_unset=True)
        return sent  # type: ignore[return-value]


class FacetsIn(Body):
    kind: str = ""
    products: list[str] = Field([], max_length=100)
    topics: list[str] = Field([], max_length=100)

    def as_draft(self) -> Draft:
        sent: dict[str, Any] = self.model_dump(exclude_unset=True)
        return sent  # type: ignore[return-value]


class ReasonIn(Body):
    reason: str = Field("", max_length=2000)


class SlotIn(Body):
    slot: str = Field(min_length=1, max_length=64)
    window: WindowIn | None = None


class DecisionIn(Body):
    """`digest` is of the revision that was read; `reason` one of the trade's list."""

    decision: Literal["approve", "request_changes", "reject", "withdraw"]
    digest: str = Field("", max_length=64)
    comment: str = ""
    reason: str = Field("", description="tone, facts, brand, legal, timing, channel_fit, language")


class CommentIn(Body):
    text: str
    quote: str = ""
    parent: Id | None = None


class ScopeIn(Body):
    """The whole brand, or channels and products by their keys."""

    brand: StrictBool = False
    channels: list[str] = Field([], max_length=100)
    products: list[str] = Field([], max_length=100)


class StopIn(Body):
    scope: ScopeIn
    reason: str = Field("", max_length=2000)

    def read_scope(self) -> dict[str, Any]:
        if self.scope.brand:
            return {"brand": True}
        return {"channels": self.scope.channels, "products": self.scope.products}


class SettleIn(Body):
    went_out: StrictBool
    url: str = Field("", max_length=1000, description="where it can be seen, when it went out")


class LinkIn(Body):
    """The other account of the same person, by its id or its e-mail address."""

    account: Id | None = None
    email: str = Field("", max_length=254)


class RevokeIn(Body):
    cause: str
    since: str | None = Field(None, max_length=64, description="ISO 8601; default: now")
