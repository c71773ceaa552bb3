"""A post's whole story: what was written, said, decided and sent, newest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone
from django.utils.translation import gettext as _

from approvals.models import Decision, Verdict
from approvals.wording import Words
from cm_queue.desk import signs
from cm_queue.desk.checking import Weight, rests_on
from cm_queue.desk.facets import raised
from cm_queue.desk.linking import safe_url
from cm_queue.desk.phrasing import at_time
from journal import moments
from journal.models import Entry, Notice
from journal.wording import verb_name
from posts.lifecycle import DeliveryState
from posts.models import Comment, Delivery, Post
from publishing.handing import is_by_hand
from publishing.models import Attempt, Outcome
from publishing.retrying import in_time

LONGEST = 200
MOST_TOLD = 60
# What only repeats another line: an edit seals, a decision moves the post, a comment stands for itself.
_ECHOES = {
    "post.seal",
    "post.in_review",
    "post.changes_requested",
    "post.rejected",
    "comment.add",
    "suggestion.add",
}
_SIGNS = {
    "post.create": "pen",
    "post.edit": "pen",
    "post.clone": "copy",
    "post.submit": "read",
    "post.hold": "held",
    "post.held": "held",
    "post.resume": "next",
    "post.release": "send",
    "post.missed": "clock",
    "post.schedule": "clock",
    "post.reschedule": "clock",
    "post.reslot": "clock",
    "post.published": "out",
    "post.partly_published": "out",
    "post.failed": "warn",
    "post.unknown": "unknown",
    "post.withdraw": "back",
    "post.split": "copy",
    "post.facets": "pen",
    "facet.raise": "pen",
    "facet.lower": "back",
    "suggestion.accept": "check",
    "suggestion.decline": "close",
    "decision.approve": "check",
    "decision.request_changes": "back",
    "decision.reject": "refuse",
    "decision.withdraw": "back",
    "delivery.delivered": "out",
    "delivery.rejected": "warn",
    "delivery.auth_failed": "warn",
    "delivery.ask": "unknown",
    "delivery.by_hand": "manual",
    "delivery.unknown": "unknown",
    "delivery.settle": "unknown",
    "delivery.retry": "retry",
    "delivery.missed": "clock",
    "delivery.corrected": "pen",
    "post.correct": "pen",
    "retraction.ask": "close",
    "retraction.done": "close",
    "retraction.failed": "warn",
}


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the story. `quote` is what somebody wrote; `detail` and `weight` are sentences."""

    at: datetime
    sign: str
    who: str
    what: str
    detail: str = ""
    quote: str = ""
    weight: Weight | None = None
    url: str = ""
    day: str = ""


def story(
    post: Post, weights: Mapping[int, tuple[Decision, Weight]], comments: Sequence[Comment], words: Words
) -> list[Event]:
    """At most `LONGEST` entries of the journal with the comments between them, newest first, each day
    named at its first line. `weights`: decisions of the post with what each is worth, by id."""
    entries = (
        Entry.objects.filter(post_id=post.pk).select_related("actor", "personal").order_by("-pk")[:LONGEST]
    )
    channels = {
        row.pk: row.channel.name for row in Delivery.objects.filter(post=post).select_related("channel")
    }
    events = [_event(entry, weights, channels, words) for entry in entries if entry.verb not in _ECHOES]
    events += [
        Event(one.created_at, "note", one.author.name, _said(one), _about(one), one.suggestion or one.text)
        for one in comments
    ]
    events.sort(key=lambda one: one.at, reverse=True)
    return _with_days(events)


def _said(comment: Comment) -> str:
    return _("commented") if comment.suggestion is None else _("suggested other words")


def _about(comment: Comment) -> str:
    return _("On “%(words)s”.") % {"words": comment.quote} if comment.quote else ""


def _with_days(events: Sequence[Event]) -> list[Event]:
    told = []
    before = ""
    for one in events:
        day = moments.day(one.at)
        told.append(one if day == before else _dated(one, day))
        before = day
    return told


def _dated(one: Event, day: str) -> Event:
    return Event(one.at, one.sign, one.who, one.what, one.detail, one.quote, one.weight, one.url, day)


def _event(
    entry: Entry, weights: Mapping[int, tuple[Decision, Weight]], channels: Mapping[int, str], words: Words
) -> Event:
    who = entry.actor.name if entry.actor else _("CM Queue")
    sign = _SIGNS.get(entry.verb, "next")
    personal = getattr(entry, "personal", None)
    quote = raised(entry, personal.text, words.products) if personal is not None else ""
    found = weights.get(int(entry.data.get("decision") or 0)) if entry.verb.startswith("decision.") else None
    if found is not None:
        decision, weight = found
        return Event(
            entry.at, sign, who, verb_name(entry.verb), _decided(decision, words), decision.comment, weight
        )
    return Event(entry.at, sign, who, verb_name(entry.verb), _detail(entry, channels), quote, url=_url(entry))


def _decided(decision: Decision, words: Words) -> str:
    parts = [_("Revision %(n)s.") % {"n": decision.revision.number}]
    if decision.motive:
        parts.append(_("Reason: %(motive)s.") % {"motive": decision.get_motive_display()})
    held = rests_on(decision, words)
    if held and decision.decision != Verdict.WITHDRAW:
        parts.append(_("Rested on: %(what)s.") % {"what": held})
    return " ".join(parts)


def _detail(entry: Entry, channels: Mapping[int, str]) -> str:
    data: Mapping[str, Any] = entry.data
    kind, _sep, pk = entry.subject.partition(":")
    if kind == "delivery":
        channel = channels.get(int(pk), "")
        return " · ".join(part for part in (channel, str(data.get("answer") or "")) if part)
    if entry.verb in {"post.create", "post.edit", "post.submit"} and data.get("revision"):
        return _("Revision %(n)s.") % {"n": data["revision"]}
    if data.get("slot"):
        return at_time(datetime.fromisoformat(data["slot"]))
    return ""


def _url(entry: Entry) -> str:
    url = str(entry.data.get("url") or "")
    return url if url.startswith(("https://", "http://")) else ""


# --- Deliveries ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery with its attempts; `url` leads to what went out, `look` to where one can look."""

    delivery: Delivery
    attempts: list[Attempt]
    url: str
    look: str
    answer: str

    @property
    def verb(self) -> str:
        """What the form that settles it is called on the page."""
        return f"settle-{self.delivery.pk}"

    @property
    def refused(self) -> bool:
        """Whether the network refused it, and the time for which it was approved lasts: a person may have it
        tried again."""
        return self.delivery.lifecycle == DeliveryState.FAILED and in_time(self.delivery, timezone.now())

    @property
    def unknown(self) -> bool:
        return self.delivery.lifecycle == DeliveryState.UNKNOWN

    @property
    def by_hand(self) -> bool:
        """Whether a person posts it: then it is asked for on a page of its own, with the bytes."""
        return is_by_hand(self.delivery)


def sent(post: Post) -> list[Sent]:
    """Every delivery of a post, in two queries."""
    rows = list(Delivery.objects.filter(post=post).select_related("channel").defer("payload").order_by("pk"))
    tries: dict[int, list[Attempt]] = {}
    for one in Attempt.objects.filter(delivery__in=rows).order_by("-pk"):
        tries.setdefault(one.delivery_id, []).append(one)
    return [_sent(row, tries.get(row.pk, [])) for row in rows]


def _sent(row: Delivery, tries: list[Attempt]) -> Sent:
    last = next((one.answer for one in tries if one.answer), "")
    return Sent(row, tries, safe_url(row.url), place_to_look(row), last)


def handed_to(post: Post) -> tuple[list[str], datetime | None]:
    """Who was told to post it by hand, by name, and when last. Of what is settled nobody asks any more."""
    rows = Notice.objects.filter(post_id=post.pk, kind="delivery.by_hand").select_related("user")
    told = list(rows.order_by("-pk")[:MOST_TOLD])
    names = sorted({one.user.name for one in told})
    return names, told[0].created_at if told else None


def place_to_look(row: Delivery) -> str:
    """The public page of the channel, where a person sees whether the post is there."""
    base = safe_url(str(row.channel.settings.get("base_url") or ""))
    if not base:
        return ""
    user = row.channel.handle.lstrip("@").partition("@")[0]
    parts = urlsplit(base)
    return f"{parts.scheme}://{parts.netloc}/@{user}" if user else base


def outcome_word(attempt: Attempt) -> str:
    return str(Outcome(attempt.outcome).label) if attempt.outcome in Outcome.values else attempt.outcome


def state_word(delivery: Delivery) -> str:
    return str(signs.sign_of_state(delivery.state).word)
