"""Tells a whole post in one answer, and many posts in as many queries as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from approvals import suggesting
from approvals.facts import Loaded, load
from approvals.gate import Code, Coverage, Facts, Reason, evaluate
from approvals.gate import Verdict as GateVerdict
from approvals.models import Decision
from approvals.reviewing import moment_of
from approvals.tallying import WhyNot, sentence, tally
from approvals.wording import Words
from cm_queue.api import shapes
from posts.drafting import current, problems_in, problems_to_submit
from posts.lifecycle import EDITABLE, DeliveryState
from posts.marking import reasons_of
from posts.models import Channel, Comment, Delivery, FacetMark, Post, Product
from posts.policies import may_submit
from posts.rendering import Found
from posts.scheduling import ON_APPROVAL
from publishing.models import Retraction
from publishing.retracting import Progress, progress

OUT = (DeliveryState.DELIVERED, DeliveryState.RETRACTING)


def instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant_or_none(moment: datetime | None) -> str | None:
    return instant(moment) if moment else None


def person(user: User) -> shapes.Person:
    return {"id": user.pk, "name": user.name, "email": user.email}


# --- One or many posts --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Judged:
    """A post with its facts and the gate's verdict on them."""

    post: Post
    loaded: Loaded
    verdict: GateVerdict
    at: datetime

    @property
    def facts(self) -> Facts:
        return self.loaded.facts

    def people(self) -> set[int]:
        """Everybody an answer about it names by number."""
        named = set(self.facts.contributors)
        for one in self.verdict.reading.coverage:
            named |= {*one.covered_by, *one.could}
        for reason in self.verdict.reasons:
            named |= {*reason.could, *([int(reason.params["ends"])] if "ends" in reason.params else [])}
        return named


def judge(posts: Sequence[Post]) -> list[Judged]:
    """The verdict on each post as it would be at its slot, in a fixed number of queries."""
    loaded = load(posts)
    judged = []
    for post in posts:
        at = moment_of(post, loaded[post.pk].facts.taken_at)
        judged.append(Judged(post, loaded[post.pk], evaluate(loaded[post.pk].facts, at), at))
    return judged


class Telling:
    """What the answers about some posts of one brand have in common, loaded once."""

    def __init__(self, judged: Sequence[Judged]) -> None:
        self.judged = judged
        ids = [one.post.pk for one in judged]
        brands = {one.post.brand_id for one in judged}
        self.people = User.objects.in_bulk({number for one in judged for number in one.people()})
        self.channels: dict[tuple[int, str], Channel] = {
            (one.brand_id, one.key): one for one in Channel.objects.filter(brand_id__in=brands)
        }
        self.products = dict(Product.objects.filter(brand_id__in=brands).values_list("key", "name"))
        self.decisions: dict[int, list[Decision]] = defaultdict(list)
        for decision in Decision.objects.filter(post_id__in=ids).select_related("user").order_by("pk"):
            self.decisions[decision.post_id].append(decision)
        self.deliveries: dict[int, list[Delivery]] = defaultdict(list)
        for row in Delivery.objects.filter(post_id__in=ids).select_related("channel").order_by("pk"):
            self.deliveries[row.post_id].append(row)
        self._load_marks(ids)
        self._load_afterwards(ids)

    def _load_marks(self, ids: Sequence[int]) -> None:
        """Why each post has its facets, in one query."""
        self.marks: dict[int, list[FacetMark]] = defaultdict(list)
        rows = FacetMark.objects.filter(post_id__in=ids, lowered_at__isnull=True)
        for row in rows.select_related("by").order_by("pk"):
            self.marks[row.post_id].append(row)

    def _load_afterwards(self, ids: Sequence[int]) -> None:
        """What became of what was out: corrections, and how far taking it back is. Three queries."""
        self.corrections: dict[int, list[shapes.Correction]] = defaultdict(list)
        correcting = Post.objects.filter(corrects_id__in=ids).order_by("pk")
        for pk, corrected, state in correcting.values_list("pk", "corrects_id", "state"):
            self.corrections[corrected or 0].append({"id": pk, "state": state})
        out = Delivery.objects.filter(
            corrects__post_id__in=ids, state__in=[one.value for one in OUT]
        ).order_by("pk")
        self.corrected = {row or 0: post_id for row, post_id in out.values_list("corrects_id", "post_id")}
        self.retractions: dict[int, list[Retraction]] = defaultdict(list)
        asked = Retraction.objects.filter(delivery__post_id__in=ids)
        for one in asked.select_related("delivery__channel").order_by("pk"):
            self.retractions[one.delivery.post_id].append(one)

    def posts(self) -> list[shapes.Post]:
        return [self.post(one) for one in self.judged]

    def post(self, judged: Judged) -> shapes.Post:
        post = judged.post
        revision, content = current(post), current(post).content
        return {
            "id": post.pk,
            "brand": post.brand.slug,
            "state": post.state,
            "kind": post.kind,
            "products": post.products,
            "topics": post.topics,
            "facets": facets(self.marks[post.pk], post),
            "author": person(post.author),
            "contributors": self._named(sorted(judged.facts.contributors)),
            "revision": {
                "number": revision.number,
                "digest": revision.digest or None,
                "created_at": instant(revision.created_at),
                "created_by": person(revision.created_by),
            },
            "channels": content["channels"],
            "text": content["text"],
            "variants": content["variants"],
            "media": [_media(item) for item in content["media"]],
            "link": content["link"],
            "reply_to": content["reply_to"],
            "thread": content["thread"],
            "options": content["options"],
            "slot": ON_APPROVAL if post.on_approval and post.slot is None else instant_or_none(post.slot),
            "window": _window(post),
            "late_minutes": post.late_minutes,
            "after": post.after_id,
            "corrects": post.corrects_id,
            "corrections": self.corrections[post.pk],
            "retraction": retracting(progress(self.retractions[post.pk])),
            "problems": [_problem(found) for found in self._problems(post)],
            "gate": self.gate(judged),
            "decisions": self.told(judged),
            "deliveries": [delivery(row, self.corrected) for row in self.deliveries[post.pk]],
            "consequences": [],
        }

    def _named(self, people: Iterable[int]) -> list[shapes.Person]:
        return [person(self.people[number]) for number in people if number in self.people]

    def _problems(self, post: Post) -> list[Found]:
        """What submitting would refuse; of a post already in review, what is wrong with its content."""
        content = current(post).content
        places = [(post.brand_id, key) for key in content["channels"]]
        channels = [self.channels[place] for place in places if place in self.channels]
        if may_submit(post):
            return problems_to_submit(post, channels)
        return problems_in(post, channels) if post.lifecycle in EDITABLE else []

    def gate(self, judged: Judged) -> shapes.Gate:
        reading, reasons = judged.verdict.reading, judged.verdict.reasons
        words = Words(self.products, {number: user.name for number, user in self.people.items()})
        return {
            "open": judged.verdict.open,
            "requirements": [self._requirement(one) for one in reading.coverage],
            "distinct_approvers": {"needed": reading.needed, "have": len(reading.have)},
            "blockers": [{"code": _code(reason), "message": words.sentence(reason)} for reason in reasons],
        }

    def _requirement(self, one: Coverage) -> shapes.Requirement:
        return {
            "domain": one.requirement.domain,
            "level": one.requirement.level,
            "needed": one.requirement.n,
            "covered_by": self._named(one.covered_by),
            "missing": one.missing,
            "could": self._named(one.could),
        }

    def told(self, judged: Judged) -> list[shapes.Decision]:
        """The post's decisions, oldest first, each with what became of it."""
        rows = self.decisions[judged.post.pk]
        binding = {row.pk for row in rows if row.binding}
        tallies = tally(judged.facts, judged.verdict.reading, judged.at, binding)
        # One that came in since the facts were read is told by the next answer.
        return [_decision(row, tallies[row.pk].why_not) for row in rows if row.pk in tallies]


def facets(marks: Iterable[FacetMark], post: Post) -> list[shapes.Facet]:
    """The post's facets, each with the words that raised it or the person who said so."""
    return [
        {"facet": name, "raised_by": person(by) if by else None, "words": words}
        for name, by, words in reasons_of(post, marks)
    ]


def _code(reason: Reason) -> str:
    """The reason's own, or of a blocker its name: veto, held, paused."""
    return str(reason.params["blocker"]) if reason.code == Code.BLOCKED else reason.code.value


def _decision(row: Decision, why_not: WhyNot | None) -> shapes.Decision:
    return {
        "id": row.pk,
        "by": person(row.user),
        "decision": row.decision,
        "digest": row.digest,
        "at": instant(row.at),
        "counted": why_not is None,
        "why_not": sentence(why_not) if why_not else None,
        "why_not_code": why_not.value if why_not else None,
        "comment": row.comment,
        "reason": row.motive,
    }


def _media(item: Mapping[str, Any]) -> shapes.MediaOfPost:
    return {
        "id": item["id"],
        "sha256": item["sha256"],
        "type": item["mime"],
        "size": item["size"],
        "width": item["width"],
        "height": item["height"],
        "alt": item["alt"],
    }


def _window(post: Post) -> shapes.Window | None:
    if post.window_from is None or post.window_until is None:
        return None
    return {"from": instant(post.window_from), "until": instant(post.window_until)}


def _problem(found: Found) -> shapes.Problem:
    return {"code": found.code, "field": found.field, "channel": found.channel, "message": found.message}


def retracting(far: Progress) -> shapes.Retracting | None:
    """None when nobody has asked to take anything back."""
    if not far.asked:
        return None
    return {
        "asked": far.asked,
        "gone": far.gone,
        "to_do": far.to_do,
        "by_hand": [
            {
                "delivery": one.delivery_id,
                "channel": one.delivery.channel.key,
                "url": one.delivery.url or None,
                "message": _(one.problem) if one.problem else "",
            }
            for one in far.by_hand
        ],
    }


def delivery(row: Delivery, corrected: Mapping[int, int] | None = None) -> shapes.Delivery:
    """`row` with its channel. `corrected`: {delivery id: the post that replaced what it says}."""
    return {
        "id": row.pk,
        "channel": row.channel.key,
        "network": row.channel.network,
        "state": row.state,
        "due_at": instant_or_none(row.due_at),
        "attempts": row.attempts,
        "remote_id": row.remote_id or None,
        "url": row.url or None,
        "problem": _trouble(row.problem),
        "corrects": row.corrects_id,
        "corrected_by": (corrected or {}).get(row.pk),
    }


def _trouble(stored: Mapping[str, Any]) -> shapes.Said | None:
    """What stands in a delivery's way: the network's own words, or ours for its code."""
    code, text = str(stored.get("code", "")), str(stored.get("text", ""))
    if not code:
        return None
    ours = {
        "held": _("Somebody has put it on hold."),
        "paused": _("Everything here is paused."),
        "incident": _("An incident is open."),
        "too_late": _("Its slot has passed."),
        "withdrawn": _("The post was withdrawn."),
        "unknown": _("Nobody knows yet whether it went out."),
        "permit_refused": _("It was not covered by its permit, and was not sent."),
    }
    return {"code": code, "message": ours.get(code) or (_(text) if text else code)}


# --- What the routes ask for ---------------------------------------------------------------------
def find(ids: Collection[int]) -> list[Post]:
    """The posts with all that an answer reads of them, in the order asked for."""
    rows = Post.objects.select_related("brand", "author", "revision__created_by").in_bulk(list(ids))
    return [rows[pk] for pk in ids if pk in rows]


def posts(ids: Collection[int]) -> list[shapes.Post]:
    return Telling(judge(find(ids))).posts()


def post(pk: int) -> shapes.Post:
    """The whole post as it is now."""
    return posts([pk])[0]


def gate(pk: int) -> shapes.Gate:
    telling = Telling(judge(find([pk])))
    return telling.gate(telling.judged[0])


def decision(made: Decision) -> shapes.Decision:
    """One decision, with whether it counts."""
    telling = Telling(judge(find([made.post_id])))
    return next(one for one in telling.told(telling.judged[0]) if one["id"] == made.pk)


def comments(post: Post, rows: Sequence[Comment]) -> list[shapes.Comment]:
    """`rows` of one post with author, revision and `accepted_in`."""
    light = suggesting.light_among(post, rows)
    return [_comment(row, light) for row in rows]


def _comment(row: Comment, light: Collection[int]) -> shapes.Comment:
    return {
        "id": row.pk,
        "by": person(row.author),
        "at": instant(row.created_at),
        "text": row.text,
        "quote": row.quote,
        "revision": row.revision.number,
        "parent": row.parent_id,
        "resolved_at": instant_or_none(row.resolved_at),
        "suggestion": row.suggestion,
        "place": row.place,
        "accepted": None
        if row.suggestion is None or row.resolved_at is None
        else row.accepted_in is not None,
        "light": None
        if row.suggestion is None
        else (row.accepted_in.light if row.accepted_in else row.pk in light),
    }
