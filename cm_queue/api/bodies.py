"""What may be sent. Here only the shapes; what is in them is read by the verbs, in the trade's words."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt

from approvals.stocking import Said
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
    after: Id | None = Field(None, description="a post of the brand: goes out after it, channel by channel")

    def as_draft(self) -> Draft:
        """Only what was sent. Media stay as they were sent: `sha256` is looked up by the caller."""
        sent: dict[str, Any] = self.model_dump(by_alias=True, exclude_unset=True)
        return sent  # type: ignore[return-value]


class CreateIn(DraftIn):
    """A new draft. With `template` it begins with one: what is left out is the template's."""

    template: Id | None = Field(
        None, description="a template of the brand; what it left open, such as [produit], must be filled in"
    )


class SnippetIn(Body):
    """A template (`whole`), or a piece to put in where one writes. What stands below `text` is a template's
    only, and empty for a piece."""

    name: str = Field("", max_length=200)
    whole: StrictBool = False
    text: str = ""
    kind: str = Field("routine", description="routine, launch, reply, sensitive_reply, crisis")
    channels: list[str] = Field([], max_length=100)
    products: list[str] = Field([], max_length=100)
    topics: list[str] = Field([], max_length=100)
    link: str = ""

    def as_said(self) -> Said:
        sent: dict[str, Any] = self.model_dump(exclude_unset=True)
        return sent  # type: ignore[return-value]


class SnippetChangeIn(Body):
    """What is left out stays as it was. A template stays a template, a piece a piece."""

    name: str = Field("", max_length=200)
    text: str = ""
    kind: str = "routine"
    channels: list[str] = Field([], max_length=100)
    products: list[str] = Field([], max_length=100)
    topics: list[str] = Field([], max_length=100)
    link: str = ""

    def as_said(self) -> Said:
        sent: dict[str, Any] = self.model_dump(exclude_unset=True)
        return sent  # type: ignore[return-value]


class FacetsIn(Body):
    """What is left out stays. `reason` says why a post needs less; raising needs none."""

    kind: str = ""
    products: list[str] = Field([], max_length=100)
    topics: list[str] = Field([], max_length=100)
    reason: str = Field("", max_length=2000)

    def as_draft(self) -> Draft:
        sent: dict[str, Any] = self.model_dump(exclude_unset=True, exclude={"reason"})
        return sent  # type: ignore[return-value]


class RecurIn(Body):
    rule: str = Field(max_length=200, description="RFC 5545, such as FREQ=WEEKLY;BYDAY=MO")
    starts: str | None = Field(None, max_length=64, description="ISO 8601; default: the post's slot")
    days_ahead: StrictInt = Field(7, ge=1, le=60, description="how long before its slot each draft is made")


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
    """A remark, or with `suggestion` other words for the passage `quote` (empty takes it away)."""

    text: str = ""
    quote: str = ""
    parent: Id | None = None
    suggestion: str | None = None
    place: str = Field(
        "",
        max_length=80,
        description="the part of the post: text, variants:<channel>, thread:<n>, alt:<n>; default: the first "
        "in which the passage stands",
    )


class SplitIn(Body):
    channels: list[str] = Field(max_length=100, description="those that go their own way")


class RuleIn(Body):
    """Either `words` (a word or a phrase) or `pattern` (a regular expression)."""

    words: str = Field("", max_length=500)
    pattern: str = Field("", max_length=500)
    facet: str = Field(
        max_length=80, description="launch, sensitive_reply, crisis, product:<key>, topic:<key>"
    )


class TryIn(Body):
    text: str = Field(max_length=20_000)


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


class EscalateIn(Body):
    reason: str = Field("", max_length=2000)
    scope: ScopeIn | None = Field(None, description="default: the pause's own")

    def read_scope(self) -> dict[str, Any] | None:
        return StopIn(scope=self.scope, reason="").read_scope() if self.scope else None


class OverrideIn(Body):
    """`decision` is the id of the rejection to lift, `reason` why the post may go out all the same."""

    decision: Id
    reason: str = Field("", max_length=2000)


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


class PolicyIn(Body):
    """Either `rules`, whole, as a version shows them, or the name of a preset: duo, team, agency, regulated."""

    rules: Any = Field(None, description="a whole policy, as a version shows it")
    preset: str = Field("", max_length=40, description="duo, team, agency, regulated")
    reason: str = Field("", max_length=300)


class ConfirmPolicyIn(Body):
    in_force: Id | None = Field(
        None, description="the number of the version it was compared with: 409 when another is in force now"
    )


class AcknowledgeIn(Body):
    """What was seen to be wanting for a kind of post: domains, or `people`."""

    kind: Literal["routine", "launch", "reply", "sensitive_reply", "crisis"]
    lacking: list[Annotated[str, Field(max_length=80)]] = Field(max_length=100)
