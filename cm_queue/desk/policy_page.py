"""The rules: what is in force, what is proposed and would have done, what was; the presets on this team."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.refusals import Invalid, NotHere, Refused
from approvals import legislating as verbs
from approvals.models import Policy, PolicyState
from approvals.policy import PRESETS, Rules, read_rules
from approvals.reaching import Reach, acknowledged, reach, team_of
from approvals.replaying import Finding, Replay, replay
from approvals.ruling import InForce, in_force
from approvals.wording import Words, conjoined
from cm_queue.desk import policy_words as saying
from cm_queue.desk.checking import named, words_of
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.policy_forms import Sheet
from posts.models import Kind, Post
from posts.titling import title_of

VERSIONS = 20
# Each is played over the last posts when the page is made: more than these are listed without.
REPLAYED = 3
_OF_FORCE = (PolicyState.ACTIVE, PolicyState.SUPERSEDED)


# --- The rules in force, the proposals, the history -------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Fared:
    """A post that would have fared otherwise, for people to read."""

    post_id: int
    title: str
    why: Sequence[str]


@dataclass(frozen=True, slots=True)
class Played:
    """A proposal over the last decided posts."""

    evaluated: int
    unchanged: int
    stopped: Sequence[Fared]
    let_through: Sequence[Fared]


@dataclass(frozen=True, slots=True)
class Version:
    """A version with what it changes of the one before it (a proposal: of the one in force)."""

    policy: Policy
    preset: str
    changes: Sequence[saying.Told]
    fault: str = ""
    played: Played | None = None
    may_confirm: bool = False
    may_drop: bool = False
    mine: bool = False
    who: str = ""


@require_safe
@for_members
def policy(request: MemberRequest) -> HttpResponse:
    return page(request)


def page(
    request: MemberRequest, refusal: Refused | None = None, pk: int | None = None, status: int = 200
) -> HttpResponse:
    """`refusal` is shown at the proposal `pk` (or above everything)."""
    brand, words = request.brand, words_of(request.brand)
    now = in_force(brand.pk)
    team = team_of(brand)
    found = reach(team, now.rules) if now.rules else []
    noted = acknowledged(now.policy, found)
    versions = list(
        Policy.objects.filter(brand=brand)
        .select_related("proposed_by", "confirmed_by", "dropped_by")
        .order_by("-number")[: VERSIONS * 2]
    )
    pending = [one for one in versions if one.state == PolicyState.PROPOSED]
    context = {
        "now": now,
        "preset": saying.preset_name(now.rules.preset) if now.rules else "",
        "lines": saying.lines(now.rules, found, words, noted) if now.rules else [],
        "facets": _facets(now.rules, words),
        "options": saying.options(now.rules) if now.rules else [],
        "headline": headline(now, found, noted, len(pending)),
        "pending": [
            _pending(request, one, now, words, play=place < REPLAYED) for place, one in enumerate(pending)
        ],
        "history": _history([one for one in versions if one.state != PolicyState.PROPOSED], words),
        "may_propose": verbs.may_legislate(request.user, brand),
        "may_note": request.membership.is_owner,
        "size": len(team.people),
        "refusal": refusal,
        "refused_pk": pk,
    }
    return render(request, "desk/policy.html", context, status=status)


def headline(now: InForce, found: Sequence[Reach], noted: set[str], pending: int) -> str:
    """The news of the page."""
    if now.rules is None:
        return _("Nothing can go out: there are no rules that can be read.")
    if pending:
        return ngettext(
            "A proposal waits for a second person.", "%(n)s proposals wait for a second person.", pending
        ) % {"n": pending}
    red = [one for one in found if one.tone == "stop" and one.kind not in noted]
    if red:
        return ngettext(
            "One kind of post cannot go out today.", "%(n)s kinds of post cannot go out today.", len(red)
        ) % {"n": len(red)}
    return _("What must be true before anything goes out.")


def _facets(rules: Rules | None, words: Words) -> list[tuple[str, list[str]]]:
    if rules is None:
        return []
    return [
        (saying.facet_name(facet, words), [saying.demand_says(one, words) for one in extra])
        for facet, extra in rules.facets.items()
    ]


def _readable(policy: Policy) -> tuple[Rules | None, str]:
    try:
        return read_rules(policy.rules), ""
    except Invalid as fault:
        return None, fault.sentence


def _pending(request: MemberRequest, policy: Policy, now: InForce, words: Words, *, play: bool) -> Version:
    rules, fault = _readable(policy)
    able = verbs.confirmers(request.brand, policy.proposed_by)
    mine = policy.proposed_by is not None and policy.proposed_by.person_id == request.user.person_id
    return Version(
        policy=policy,
        preset=saying.preset_name(rules.preset) if rules else "",
        changes=saying.changes(now.rules, rules, words) if rules else [],
        fault=fault,
        played=_played(replay(policy), words) if play and rules else None,
        may_confirm=request.user.pk in {one.pk for one in able},
        may_drop=mine or verbs.may_legislate(request.user, request.brand),
        mine=mine,
        who=conjoined([one.name for one in able]),
    )


def _played(found: Replay, words: Words) -> Played:
    ids = [one.post_id for one in (*found.stopped, *found.let_through)]
    posts = Post.objects.select_related("revision").defer("revision__payloads").in_bulk(ids)

    def told(one: Finding) -> Fared:
        post = posts.get(one.post_id)
        return Fared(
            one.post_id,
            title_of(post, 64) if post else f"#{one.post_id}",
            [words.sentence(reason) for reason in one.reasons],
        )

    return Played(
        found.evaluated,
        found.unchanged,
        [told(one) for one in found.stopped],
        [told(one) for one in found.let_through],
    )


def _history(versions: Sequence[Policy], words: Words) -> list[Version]:
    """Newest first, each with what it changed of the version that it took the place of."""
    told = []
    for place, one in enumerate(versions[:VERSIONS]):
        rules, fault = _readable(one)
        before = next((older for older in versions[place + 1 :] if older.state in _OF_FORCE), None)
        old = _readable(before)[0] if before else None
        shown = rules is not None and one.state in _OF_FORCE and old is not None
        told.append(
            Version(
                policy=one,
                preset=saying.preset_name(rules.preset) if rules else "",
                changes=saying.changes(old, rules, words) if shown and rules else [],
                fault=fault,
            )
        )
    return told


# --- Verbs ------------------------------------------------------------------------------------------------
class ConfirmForm(forms.Form):
    """`seen`: the version in force with which the proposal was compared on the screen."""

    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)


class DropForm(forms.Form):
    reason = forms.CharField(required=False, max_length=300)


class NoteForm(forms.Form):
    kind = forms.ChoiceField(choices=Kind.choices)


def _here(request: MemberRequest, pk: int) -> Policy:
    """A version of the brand that this page is about. Raises NotHere."""
    found = Policy.objects.filter(pk=pk, brand=request.brand).first()
    if found is None:
        raise NotHere("no_such_policy", _("There is no such version of the rules."))
    return found


def _act(request: MemberRequest, pk: int, do: Callable[[], Any], done: str) -> HttpResponse:
    try:
        do()
    except NotHere:
        raise
    except Refused as refusal:
        return page(request, refusal, pk, refusal.status)
    messages.success(request, done)
    return redirect("policy")


@require_POST
@for_members
def confirm_policy(request: MemberRequest, pk: int) -> HttpResponse:
    _here(request, pk)
    form = ConfirmForm(request.POST)
    seen = form.cleaned_data["seen"] if form.is_valid() else None
    return _act(
        request,
        pk,
        lambda: verbs.confirm(request.user, pk, seen=seen),
        _("These rules are in force now. What they close is on hold, and its people are told."),
    )


@require_POST
@for_members
def drop_policy(request: MemberRequest, pk: int) -> HttpResponse:
    _here(request, pk)
    form = DropForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    return _act(
        request, pk, lambda: verbs.drop(request.user, pk, reason), _("The proposal is off the table.")
    )


@require_POST
@for_members
def note_policy(request: MemberRequest, pk: int) -> HttpResponse:
    """An owner takes note that posts of a kind cannot go out, for want of what is wanting now."""
    current = _here(request, pk)
    form = NoteForm(request.POST)
    if not form.is_valid():
        raise NotHere("no_such_kind", _("There is no kind of post of this name."))
    kind, rules = form.cleaned_data["kind"], _readable(current)[0]
    found = reach(team_of(request.brand), rules) if rules else []
    lacking = next((one.lacking for one in found if one.kind == kind), ())
    return _act(request, pk, lambda: verbs.acknowledge(request.user, pk, kind, lacking), _("Noted."))


# --- Proposing, and the presets ------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@for_members
def propose_policy(request: MemberRequest) -> HttpResponse:
    """The rules in force, or a preset (`?preset=`), as a form; what is sent becomes a proposal."""
    brand = request.brand
    verbs.demand_legislator(request.user, brand)
    preset = request.GET.get("preset", "")
    rules = read_rules(PRESETS[preset]) if preset in PRESETS else in_force(brand.pk).rules
    sheet = Sheet(brand, words_of(brand), rules or read_rules(PRESETS["team"]), request.POST or None)
    left: list[str] = []
    status = 200
    if request.method == "POST":
        status = 422
        if sheet.is_valid():
            try:
                verbs.propose(request.user, brand, _named(sheet.read()), sheet.form.cleaned_data["reason"])
            except Invalid as refusal:
                left = sheet.refuse(refusal.fields)
            else:
                messages.success(
                    request, _("Proposed. It changes nothing before a second person has confirmed it.")
                )
                return redirect("policy")
    context = {"sheet": sheet, "faults": left, "preset": preset, "preset_name": saying.preset_name(preset)}
    return render(request, "desk/policy/propose.html", context, status=status)


def _named(rules: dict[str, Any]) -> dict[str, Any]:
    """The rules under the preset's name, when they are just that preset."""
    for name, preset in PRESETS.items():
        try:
            if read_rules({**rules, "preset": name}) == read_rules(preset):
                return {**rules, "preset": name}
        except Invalid:
            break
    return rules


@dataclass(frozen=True, slots=True)
class Preset:
    key: str
    name: str
    says: str
    lines: Sequence[saying.Line]
    open: Sequence[str]
    shut: Sequence[str]
    options: Sequence[str]
    in_force: bool


@require_safe
@for_members
def policy_presets(request: MemberRequest) -> HttpResponse:
    """What each preset means for the people who are here today."""
    words, team = words_of(request.brand), team_of(request.brand)
    now = in_force(request.brand.pk).rules
    shown = []
    for key, data in PRESETS.items():
        rules = read_rules(data)
        rows = saying.lines(rules, reach(team, rules), words)
        shown.append(
            Preset(
                key,
                saying.preset_name(key),
                saying.preset_says(key),
                rows,
                [one.name for one in rows if one.tone != "stop"],
                [one.name for one in rows if one.tone == "stop"],
                saying.options(rules),
                now is not None and now == rules,
            )
        )
    context = {
        "presets": shown,
        "size": len(team.people),
        "people": conjoined(named(team.people, words)),
        "may_propose": verbs.may_legislate(request.user, request.brand),
    }
    return render(request, "desk/policy/presets.html", context)
