"""The rules in plain words: what a kind of post needs, what a version changes, what a team can let out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.comparing import Change, compare
from approvals.policy import Demand, KindRule, Rules
from approvals.reaching import PEOPLE, Reach
from approvals.wording import Words, conjoined, kind_name, level_name, listed
from cm_queue.desk.checking import domain_label, named
from journal import moments
from posts.models import Kind


def preset_name(name: str) -> str:
    names = {
        "duo": _("duo"),
        "team": _("team"),
        "agency": _("agency"),
        "regulated": _("regulated"),
        "own": _("rules of our own"),
    }
    return names.get(name, name)


def preset_says(name: str) -> str:
    """What a preset is for, in two sentences."""
    says = {
        "duo": _(
            "For two people. Of routine posts and replies the writer's own expertise may cover what is asked; "
            "somebody else must still have read and approved these very words."
        ),
        "team": _(
            "For three to a dozen people. One qualified person who did not write it lets a routine post out; "
            "launches, criticism and crises take two."
        ),
        "agency": _(
            "For an agency and its client. As in a team, and somebody from the client approves every post."
        ),
        "regulated": _(
            "For a regulated trade. Every post takes two people, legal topics take somebody who knows the law, "
            "and whoever decides says again who they are."
        ),
    }
    return says.get(name, "")


def domain_of(demand: Demand, words: Words) -> str:
    everyone = {"channel:*": _("each network"), "product:*": _("each product")}
    return everyone.get(demand.domain) or domain_label(demand.domain, words)


def demand_says(demand: Demand, words: Words) -> str:
    """« métier : autonome », « 2 × crise : autonome »"""
    what = _("%(domain)s: %(level)s") % {
        "domain": domain_of(demand, words),
        "level": level_name(demand.level),
    }
    return f"{demand.n} × {what}" if demand.n > 1 else what


def facet_name(facet: str, words: Words) -> str:
    if not facet:
        return _("All posts")
    if facet in Kind.values:
        return kind_name(facet)
    return _("about %(what)s") % {"what": domain_label(facet, words)}


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of post in the table of the rules, and what the team of today makes of it."""

    kind: str
    name: str
    demands: Sequence[str]
    people: str
    lives: str
    extras: Sequence[str]
    tone: str
    reach: str
    noted: bool


def lines(rules: Rules, found: Iterable[Reach], words: Words, noted: Iterable[str] = ()) -> list[Line]:
    """A line for each kind of post, those without a rule included."""
    return [_line(one, rules.kinds.get(Kind(one.kind)), words, noted=one.kind in set(noted)) for one in found]


def _line(one: Reach, rule: KindRule | None, words: Words, *, noted: bool) -> Line:
    name, says = kind_name(one.kind), reach_says(one, words)
    if rule is None:
        return Line(one.kind, name, (), "–", "–", (), one.tone, says, noted)
    return Line(
        kind=one.kind,
        name=name,
        demands=[demand_says(demand, words) for demand in rule.requirements],
        people=ngettext("%(n)s person", "%(n)s people", rule.people) % {"n": rule.people},
        lives=moments.span(timedelta(minutes=rule.ttl_minutes)),
        extras=_extras(rule),
        tone=one.tone,
        reach=says,
        noted=noted,
    )


def _extras(rule: KindRule) -> list[str]:
    found = []
    if rule.person_releases:
        found.append(_("A qualified person presses release."))
    if rule.contributor_covers:
        found.append(_("The writer's own expertise may cover; others must still read and approve."))
    return found


def reach_says(one: Reach, words: Words) -> str:
    """Who lets such a post out today, or why nobody can, and what to do about it."""
    if not one.known:
        return _("The rules do not speak of this kind: nothing of it goes out.")
    if one.author is None:
        return _lacking_says(one.lacking, words)
    with_whom = conjoined(named(one.path, words))
    author = words.names.get(one.author, "?")
    parts = [_("What %(author)s writes goes out with %(names)s.") % {"author": author, "names": with_whom}]
    if one.hangs_on:
        who = conjoined(named(one.hangs_on, words))
        parts.append(
            ngettext(
                "It hangs on %(names)s alone.",
                "It hangs on each of %(names)s.",
                len(one.hangs_on),
            )
            % {"names": who}
        )
    if one.not_by:
        parts.append(
            _("Nobody could let out what %(names)s writes.") % {"names": listed(named(one.not_by, words))}
        )
    if one.partly:
        what = conjoined([domain_label(domain, words) for domain in one.partly])
        parts.append(_("Nobody can yet for %(what)s.") % {"what": what})
    return " ".join(parts)


def _lacking_says(lacking: Sequence[str], words: Words) -> str:
    domains = [domain_label(domain, words) for domain in lacking if domain != PEOPLE]
    if not domains:
        return _("Nobody present could let it out: it takes more people who may approve.")
    what = conjoined(domains)
    return _(
        "Nobody present could let it out: not enough people for %(what)s. Entrust or invite somebody."
    ) % {"what": what}


# --- What a version changes -----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Told:
    """One change in words; `stricter` gives it its sign, and a word for those who do not see it."""

    where: str
    what: str
    stricter: bool


def changes(old: Rules | None, new: Rules, words: Words) -> list[Told]:
    return [Told(facet_name(one.kind, words), _says(one, words), one.stricter) for one in compare(old, new)]


def _says(one: Change, words: Words) -> str:
    demand = demand_says(one.demand, words) if one.demand else ""
    match one.what:
        case "kind_added":
            return _("now has rules")
        case "kind_removed":
            return _("has no rules any more: nothing of it goes out")
        case "demand_added":
            return _("now also needs %(what)s") % {"what": demand}
        case "demand_removed":
            return _("no longer needs %(what)s") % {"what": demand}
        case "people":
            parts = {"before": one.before, "after": one.after}
            return _("%(after)s distinct people instead of %(before)s") % parts
        case "ttl":
            before, after = (moments.span(timedelta(minutes=each)) for each in (one.before, one.after))
            return _("an approval lives %(after)s instead of %(before)s") % {"before": before, "after": after}
        case _:
            return _switched(one)


def _switched(one: Change) -> str:
    """Of what is on or off."""
    on, off = {
        "person_releases": (_("a person presses release"), _("it goes out at its slot by itself")),
        "contributor_covers": (
            _("the writer's own expertise may cover"),
            _("the writer's own expertise covers nothing"),
        ),
        "light_correction": (
            _("whoever corrects a letter or a comma may still approve"),
            _("whoever corrects anything can no longer approve"),
        ),
        "reauthenticate": (
            _("whoever decides says again who they are"),
            _("whoever is signed in may decide"),
        ),
    }[one.what]
    return on if one.after else off


def options(rules: Rules) -> list[str]:
    """What holds for every post, in sentences."""
    light = (
        _("A light correction (case, accents, punctuation, two letters) keeps its maker free to approve.")
        if rules.light_correction
        else _("Whoever changes anything in a post can no longer approve it.")
    )
    again = _("Whoever decides must have said again who they are in the last 15 minutes.")
    return [light, *([again] if rules.reauthenticate else [])]
