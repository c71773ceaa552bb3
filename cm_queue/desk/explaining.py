"""“Why is this not out?” in one sentence, for the post's page, the desk's rows and `manage.py explain`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.gate import Code, Reason, Verdict
from approvals.wording import Words, level_name, listed
from cm_queue.desk.checking import domain_label, named, words_of
from cm_queue.desk.phrasing import at_time
from journal import moments
from journal.models import Entry
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from publishing.handing import is_by_hand

D = DeliveryState


@dataclass(frozen=True, slots=True)
class Telling:
    """What the sentences about some posts of one brand need, loaded once: names, deliveries by post,
    and the words in which a person put a post on hold, by post."""

    words: Words
    deliveries: Mapping[int, Sequence[Delivery]] = field(default_factory=dict)
    hold_words: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def about(cls, posts: Iterable[Post], words: Words | None = None) -> Telling:
        """At most four queries, however many posts. All of one brand."""
        posts = list(posts)
        if not posts:
            return cls(words or Words({}, {}))
        ids = [post.pk for post in posts]
        deliveries: dict[int, list[Delivery]] = {}
        rows = Delivery.objects.filter(post_id__in=ids).select_related("channel__health").defer("payload")
        for row in rows.order_by("pk"):
            deliveries.setdefault(row.post_id, []).append(row)
        held = (
            Entry.objects.filter(post_id__in=ids, verb="post.hold").select_related("personal").order_by("pk")
        )
        hold_words = {
            row.post_id: row.personal.text for row in held if row.post_id and hasattr(row, "personal")
        }
        return cls(words or words_of(posts[0].brand), deliveries, hold_words)


def why_not_out(post: Post, verdict: Verdict, telling: Telling | None = None) -> str:
    """One sentence, in the active language: why nobody can read it yet, or where it can be read."""
    telling = telling or Telling.about([post])
    return _SENTENCES[post.lifecycle](post, verdict, telling)


# --- Before review ends ---------------------------------------------------------------------------
def _draft(post: Post, verdict: Verdict, telling: Telling) -> str:
    return _("It is still a draft: %(who)s has not submitted it for review.") % {"who": post.author.name}


def _in_review(post: Post, verdict: Verdict, telling: Telling) -> str:
    if verdict.open:
        return _("Everything is there; it is about to be scheduled.")
    return closed(verdict, telling.words)


def closed(verdict: Verdict, words: Words) -> str:
    """The one sentence for a closed gate: what stops it before what it lacks, and who could give it."""
    stops = [one for one in verdict.reasons if one.code in {Code.BLOCKED, Code.FROZEN}]
    lacks = [one for one in verdict.reasons if one.code == Code.MISSING_REQUIREMENT]
    if stops:
        return _stopped_by(stops[0], words)
    if lacks:
        return _lacking(lacks, words)
    eyes = [one for one in verdict.reasons if one.code == Code.MISSING_PEOPLE and one.could]
    if eyes:
        who = listed(named(eyes[0].could, words))
        n = int(eyes[0].params["missing"])
        return ngettext(
            "It lacks %(n)s more reader: %(who)s could be one.",
            "It lacks %(n)s more readers: %(who)s could be among them.",
            n,
        ) % {"n": n, "who": who}
    return words.sentence(verdict.reasons[0]) if verdict.reasons else _("Nothing stands in its way.")


def _stopped_by(stop: Reason, words: Words) -> str:
    told = {"who": stop.params.get("who", "?"), "why": stop.params.get("why", "")}
    match stop.params.get("blocker"):
        case "changes_requested":
            return _("%(who)s asks for a correction: “%(why)s”") % told
        case "veto" if equals := named(stop.could, words):
            text = _("%(who)s objects, and only they or %(equals)s can lift it: “%(why)s”")
            return text % {**told, "equals": listed(equals)}
        case "veto":
            return _("%(who)s objects, and only they or an equal can lift it: “%(why)s”") % told
        case _:
            return words.sentence(stop)


def _lacking(lacks: Sequence[Reason], words: Words) -> str:
    everything = set(lacks[0].could).intersection(*(one.could for one in lacks))
    if len(lacks) == 1:
        return _one_lacking(lacks[0], words)
    if len(everything) > 1 or everything == set(lacks[0].could):
        what = ", ".join(_asked(one, words) for one in lacks)
        return _("It lacks approvals (%(what)s): %(who)s could give them.") % {
            "what": what,
            "who": listed(named(sorted(everything), words)),
        }
    return _("It lacks approvals: %(what)s.") % {"what": "; ".join(_asked_of(one, words) for one in lacks)}


def _one_lacking(lack: Reason, words: Words) -> str:
    n = int(lack.params["missing"])
    parts = {
        "level": level_name(int(lack.params["level"])),
        "domain": domain_label(str(lack.params["domain"]), words),
        "n": n,
        "who": listed(named(lack.could, words)),
    }
    if not lack.could:
        return (
            ngettext(
                "It lacks %(n)s approval (%(domain)s, %(level)s), which nobody present could give: "
                "an owner can invite somebody, or you choose a later slot.",
                "It lacks %(n)s approvals (%(domain)s, %(level)s), which nobody present could give: "
                "an owner can invite somebody, or you choose a later slot.",
                n,
            )
            % parts
        )
    return (
        ngettext(
            "It lacks %(n)s approval (%(domain)s, %(level)s): %(who)s could give it.",
            "It lacks %(n)s approvals (%(domain)s, %(level)s): %(who)s could give them.",
            n,
        )
        % parts
    )


def _asked(one: Reason, words: Words) -> str:
    return f"{domain_label(str(one.params['domain']), words)} {one.params['level']}"


def _asked_of(one: Reason, words: Words) -> str:
    who = named(one.could, words)
    if not who:
        return _("%(what)s (nobody present could)") % {"what": _asked(one, words)}
    return _("%(what)s (%(who)s could)") % {"what": _asked(one, words), "who": listed(who)}


def _objected(post: Post, verdict: Verdict, telling: Telling) -> str:
    stops = [one for one in verdict.reasons if one.code == Code.BLOCKED]
    if stops:
        return _stopped_by(stops[0], telling.words)
    return _("It has a problem that a network would refuse: %(who)s must correct it.") % {
        "who": post.author.name
    }


def _missed(post: Post, verdict: Verdict, telling: Telling) -> str:
    if post.slot is None:
        return _("The time in which it could go out has passed. Nothing is lost: choose another slot.")
    return _("Its slot (%(when)s) passed before it could go out. Nothing is lost: choose another slot.") % {
        "when": at_time(post.slot)
    }


def _held(post: Post, verdict: Verdict, telling: Telling) -> str:
    if post.held_by is not None:
        why = telling.hold_words.get(post.pk, "").strip().removesuffix(".")  # ours follows
        if why:
            return _("%(who)s put it on hold: “%(why)s”. A qualified person can resume it.") % {
                "who": post.held_by.name,
                "why": why,
            }
        return _("%(who)s put it on hold. A qualified person can resume it.") % {"who": post.held_by.name}
    if verdict.open:
        return _("It was held at its slot. Everything is there again: a qualified person can resume it.")
    return _("It was held at its slot, and nothing is lost. %(why)s") % {
        "why": closed(verdict, telling.words)
    }


# --- Under way, and after -----------------------------------------------------------------------
def _scheduled(post: Post, verdict: Verdict, telling: Telling) -> str:
    if not verdict.open:
        return closed(verdict, telling.words)
    now = timezone.now()
    rows = telling.deliveries.get(post.pk, ())
    for one in rows:
        if one.channel.paused_at is not None:
            return _("It is approved, but the channel %(channel)s is paused: somebody must resume it.") % {
                "channel": one.channel.name
            }
    for one in rows:
        if one.attempts and one.lifecycle == D.PENDING and one.next_at:
            return _again(one)
    if post.slot is not None and post.slot > now:
        return _("It is approved and goes out %(when)s.") % {"when": at_time(post.slot)}
    return _("It is approved and due: the next free worker sends it.")


def _again(one: Delivery) -> str:
    words = {
        "channel": one.channel.name,
        "why": _problem(one),
        "when": moments.until(one.next_at or timezone.now()),
    }
    if is_by_hand(one):
        return _("Nobody has posted it on %(channel)s yet: it is handed over again %(when)s.") % words
    return _("%(channel)s did not take it yet (%(why)s): the next try is %(when)s.") % words


def _releasing(post: Post, verdict: Verdict, telling: Telling) -> str:
    for one in telling.deliveries.get(post.pk, ()):
        if one.attempts and one.lifecycle == D.PENDING:
            return _again(one)
    return _("It is going out right now.")


def _published(post: Post, verdict: Verdict, telling: Telling) -> str:
    rows = [one for one in telling.deliveries.get(post.pk, ()) if one.lifecycle == D.DELIVERED]
    last = max((one.delivered_at for one in rows if one.delivered_at), default=None)
    words = {"where": ", ".join(one.channel.name for one in rows)}
    if last is None:
        return _("It is out: %(where)s.") % words
    return _("It is out: %(where)s, %(when)s.") % {**words, "when": at_time(last)}


def _partly(post: Post, verdict: Verdict, telling: Telling) -> str:
    rows = telling.deliveries.get(post.pk, ())
    out = [one.channel.name for one in rows if one.lifecycle in {D.DELIVERED, D.RETRACTING}]
    rest = [one for one in rows if one.lifecycle not in {D.DELIVERED, D.RETRACTING, D.RETRACTED}]
    words = {"out": ", ".join(out) or "–", "rest": ", ".join(one.channel.name for one in rest)}
    why = next((_problem(one) for one in rest if one.problem), "")
    if why:
        return _("It is out on %(out)s, not on %(rest)s: %(why)s.") % {**words, "why": why}
    return _("It is out on %(out)s, not on %(rest)s.") % words


def _failed(post: Post, verdict: Verdict, telling: Telling) -> str:
    failed = [one for one in telling.deliveries.get(post.pk, ()) if one.lifecycle == D.FAILED]
    if not failed:
        return _("It could not be sent. Correct it and submit it again.")
    first = failed[0]
    words = {"channel": first.channel.name, "why": _problem(first)}
    if first.problem.get("code") == "auth_failed":
        return (
            _("%(channel)s no longer accepts our access (%(why)s): an owner must connect it again.") % words
        )
    return _("%(channel)s refused it (%(why)s): correct it and submit it again.") % words


def _unknown(post: Post, verdict: Verdict, telling: Telling) -> str:
    rows = [one for one in telling.deliveries.get(post.pk, ()) if one.lifecycle == D.UNKNOWN]
    by_hand = [one.channel.name for one in rows if is_by_hand(one)]
    unsure = [one.channel.name for one in rows if not is_by_hand(one)]
    told = []
    if unsure or not by_hand:
        told.append(
            _(
                "Nobody knows whether it went out on %(where)s: look there, and say. Nothing is sent again before."
            )
            % {"where": ", ".join(unsure) or "–"}
        )
    if by_hand and post.held_by is not None:
        words = {"who": post.held_by.name, "where": ", ".join(by_hand)}
        told.append(
            _(
                "%(who)s put it on hold: nobody may post it on %(where)s before a qualified person resumes it. "
                "If it is out already, say so here."
            )
            % words
        )
    elif by_hand:
        told.append(
            _("It waits for somebody to post it by hand on %(where)s, and to say here that it is out.")
            % {"where": ", ".join(by_hand)}
        )
    return " ".join(told)


def only_by_hand(post: Post, telling: Telling) -> bool:
    """Whether nothing of a post is in doubt but what a person is to post."""
    rows = [one for one in telling.deliveries.get(post.pk, ()) if one.lifecycle == D.UNKNOWN]
    return bool(rows) and all(is_by_hand(one) for one in rows)


def _withdrawn(post: Post, verdict: Verdict, telling: Telling) -> str:
    return _("It was withdrawn for good; a clone can take it up again.")


def _retracted(post: Post, verdict: Verdict, telling: Telling) -> str:
    return _("It was out, and has been retracted.")


def _problem(one: Delivery) -> str:
    """A delivery's problem in a few words; the network's own where it gave some."""
    code, text = str(one.problem.get("code", "")), str(one.problem.get("text", "")).strip()
    plain = {
        "rate_limited": _("the network asked to wait"),
        "not_sent": _("the network could not be reached"),
        "unavailable": _("the network was not available"),
        "too_late": _("it was too late"),
        "gate": _("the gate closed"),
        "held": _("held"),
    }
    said = _(text) if text and text != "worker_lost" else ""
    return said.rstrip(".") or plain.get(code, "") or _("no reason given")


_Sentence = Callable[[Post, Verdict, Telling], str]
_SENTENCES: Mapping[PostState, _Sentence] = {
    PostState.DRAFT: _draft,
    PostState.IN_REVIEW: _in_review,
    PostState.CHANGES_REQUESTED: _objected,
    PostState.REJECTED: _objected,
    PostState.SCHEDULED: _scheduled,
    PostState.RELEASING: _releasing,
    PostState.PUBLISHED: _published,
    PostState.PARTLY_PUBLISHED: _partly,
    PostState.HELD: _held,
    PostState.MISSED: _missed,
    PostState.FAILED: _failed,
    PostState.UNKNOWN: _unknown,
    PostState.WITHDRAWN: _withdrawn,
    PostState.RETRACTED: _retracted,
}
