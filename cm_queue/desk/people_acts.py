"""The verbs on a person's page: propose, confirm, renew, suspend, revoke, away, link; and the founding.

Every verb is a form of its own and a view of its own. What is refused comes back on the same page, at the form
it was typed into.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST, require_safe

from accounts.clock import database_now
from accounts.models import Absence, Membership, User
from accounts.refusals import NotHere, Refused
from approvals import expertise, granting, inviting, leaving, relooking, renewing, suspending
from approvals.models import SecondLook
from cm_queue.desk.forms import EmptyForm, attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.people_card import Card, Holding, gather, linkable, proposable
from cm_queue.desk.people_forms import (
    AwayForm,
    CauseForm,
    DeclineForm,
    LinkForm,
    NoteForm,
    ProposeForm,
    RevokeForm,
    WordForm,
)

_OF_CREDENTIAL: dict[str, type[forms.Form]] = {
    "confirm": EmptyForm,
    "decline": DeclineForm,
    "renew": NoteForm,
    "practice": NoteForm,
    "reinstate": NoteForm,
    "suspend": CauseForm,
    "revoke": RevokeForm,
}


# --- The page ---------------------------------------------------------------------------------------
@require_safe
@for_members
def person(request: MemberRequest, pk: int) -> HttpResponseBase:
    return _page(request, _member(request, pk))


def _member(request: MemberRequest, pk: int) -> Membership:
    """The membership of the person behind an account, in the reader's brand."""
    rows = Membership.objects.filter(brand=request.brand, user=pk, is_active=True, user__is_active=True)
    found = rows.select_related("user__same_person_as").first()
    if found is None:
        raise Http404
    return found


def _page(
    request: MemberRequest, member: Membership, bound: dict[str, forms.Form] | None = None, status: int = 200
) -> HttpResponseBase:
    """`bound` are the forms that were refused, by verb, or by verb and number."""
    card = gather(request.brand, member, request.membership, database_now())
    context = {
        "card": card,
        "holdings": _with_deeds(card.holdings, bound or {}),
        "proposals": _with_deeds(card.proposals, bound or {}),
        "forms": _forms(card, bound or {}),
        "bound": bound or {},
    }
    return render(request, "desk/person.html", context, status=status)


@dataclass(frozen=True, slots=True)
class Deed:
    """A verb that the reader may use on a credential: a form behind a button of its own."""

    verb: str
    url: str
    word: str
    explain: str
    tone: str
    form: forms.Form


def _words(verb: str) -> tuple[str, str, str]:
    """(the verb, what it does, the button's tone)"""
    words = {
        "confirm": (_("Confirm"), "", "go"),
        "decline": (_("Turn it down"), "", "no"),
        "renew": (_("Renew"), _("Another 180 days, on recorded practice."), ""),
        "practice": (_("Confirm recent practice"), _("Their votes count again from now on."), ""),
        "reinstate": (_("End the suspension"), "", ""),
        "suspend": (
            pgettext("expertise", "Suspend"),
            _(
                "From now on it does not count, until you or a mentor of the domain ends that. "
                "What rested on it is held."
            ),
            "no",
        ),
        "revoke": (
            pgettext("expertise", "Revoke"),
            _(
                "For a cause, for good. Scheduled posts that rested on it are held; what is out is listed "
                "for another look."
            ),
            "no",
        ),
    }
    return words[verb]


def _with_deeds(found: Sequence[Holding], bound: dict[str, forms.Form]) -> list[tuple[Holding, list[Deed]]]:
    """Each credential with what the reader may do about it; a form that was refused comes back as it was."""
    shown = []
    for one in found:
        deeds = []
        for verb, kind in _OF_CREDENTIAL.items():
            name = f"{verb}-{one.row.pk}"
            if verb in one.may or name in bound:
                url = reverse(f"people_{verb}", args=[one.row.pk])
                deeds.append(Deed(verb, url, *_words(verb), bound.get(name) or kind(auto_id=f"{name}-%s")))
        shown.append((one, deeds))
    return shown


def _forms(card: Card, bound: dict[str, forms.Form]) -> dict[str, Any]:
    return {
        "propose": ProposeForm(domains=list(card.may_propose), auto_id="propose-%s"),
        "away": AwayForm(auto_id="away-%s"),
        "link": LinkForm(accounts=list(card.may_link), auto_id="link-%s"),
        **bound,
    }


def _act(
    request: MemberRequest,
    member: Membership,
    name: str,
    form: forms.Form,
    do: Callable[[], Any],
    done: str,
) -> HttpResponseBase:
    """Does it and shows the page; or shows the page with the form as it was sent and what was wrong."""
    status = attempt(form, do)
    if status is None:
        messages.success(request, done)
        return redirect("people_person", member.user_id)
    return _page(request, member, {name: form}, status)


# --- A credential -----------------------------------------------------------------------------------
def _of_credential(request: MemberRequest, pk: int, verb: str) -> tuple[Membership, forms.Form]:
    row = renewing.find(request.user, pk)
    if row.brand_id != request.brand.pk:
        raise Http404
    form = _OF_CREDENTIAL[verb](request.POST, auto_id=f"{verb}-{pk}-%s")
    return _member(request, row.user_id), form


@require_POST
@for_members
def propose(request: MemberRequest, pk: int) -> HttpResponseBase:
    member = _member(request, pk)
    offered = proposable(request.brand, member, request.membership, database_now())
    form = ProposeForm(request.POST, domains=offered, auto_id="propose-%s")

    def do() -> None:
        given = form.cleaned_data
        wanted = granting.Proposal(member.user, given["domain"], given["level"], form.read_evidence())
        granting.propose(request.user, request.brand, wanted)

    return _act(request, member, "propose", form, do, _("Proposed. Whoever can confirm it is told."))


@require_POST
@for_members
def confirm(request: MemberRequest, pk: int) -> HttpResponseBase:
    member, form = _of_credential(request, pk, "confirm")
    return _act(
        request, member, f"confirm-{pk}", form,
        lambda: granting.confirm(request.user, pk), _("Your word is recorded."),
    )  # fmt: skip


@require_POST
@for_members
def decline(request: MemberRequest, pk: int) -> HttpResponseBase:
    member, form = _of_credential(request, pk, "decline")
    return _act(
        request, member, f"decline-{pk}", form,
        lambda: granting.decline(request.user, pk, form.cleaned_data["reason"]),
        _("Turned down. It can be proposed again."),
    )  # fmt: skip


@require_POST
@for_members
def renew(request: MemberRequest, pk: int) -> HttpResponseBase:
    member, form = _of_credential(request, pk, "renew")
    return _act(
        request, member, f"renew-{pk}", form,
        lambda: renewing.renew(request.user, pk, form.cleaned_data["note"]), _("Renewed."),
    )  # fmt: skip


@require_POST
@for_members
def confirm_practice(request: MemberRequest, pk: int) -> HttpResponseBase:
    member, form = _of_credential(request, pk, "practice")
    return _act(
        request, member, f"practice-{pk}", form,
        lambda: renewing.confirm_practice(request.user, pk, form.cleaned_data["note"]),
        _("Their votes count again from now on."),
    )  # fmt: skip


@require_POST
@for_members
def reinstate(request: MemberRequest, pk: int) -> HttpResponseBase:
    member, form = _of_credential(request, pk, "reinstate")
    return _act(
        request, member, f"reinstate-{pk}", form,
        lambda: renewing.reinstate(request.user, pk, form.cleaned_data["note"]),
        _("The suspension has ended. What was held waits to be confirmed."),
    )  # fmt: skip


@require_POST
@for_members
def suspend(request: MemberRequest, pk: int) -> HttpResponseBase:
    member, form = _of_credential(request, pk, "suspend")
    return _act(
        request, member, f"suspend-{pk}", form,
        lambda: suspending.suspend(request.user, pk, form.cleaned_data["cause"]),
        _("Suspended. Scheduled posts that rested on it are held; none is lost."),
    )  # fmt: skip


@require_POST
@for_members
def revoke(request: MemberRequest, pk: int) -> HttpResponseBase:
    member, form = _of_credential(request, pk, "revoke")

    def do() -> None:
        day = form.cleaned_data["since"]
        since = datetime.combine(day, time(), request.brand.zone) if day else None
        expertise.revoke(request.user, pk, form.cleaned_data["cause"], since)

    return _act(
        request, member, f"revoke-{pk}", form, do,
        _("Revoked. Scheduled posts that rested on it are held; what is out is listed for another look."),
    )  # fmt: skip


@require_POST
@for_members
def take_second_look(request: MemberRequest, pk: int) -> HttpResponseBase:
    """From the list on the page of people, where it comes back with what was wrong."""
    if not SecondLook.objects.filter(pk=pk, credential__brand=request.brand).exists():
        raise Http404
    form = WordForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["word"])))
        return redirect("people")
    try:
        relooking.look(request.user, pk, form.cleaned_data["word"])
    except NotHere:
        raise
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("Thank you: that is recorded."))
    return redirect("people")


# --- A person ---------------------------------------------------------------------------------------
@require_POST
@for_members
def leave(request: MemberRequest, pk: int) -> HttpResponseBase:
    member, form = _member(request, pk), AwayForm(request.POST, auto_id="away-%s")

    def do() -> None:
        given = form.cleaned_data
        leaving.leave(request.user, request.brand, member.user, given["first_day"], given["last_day"])

    done = _("Recorded: work goes to somebody else who is qualified on these days.")
    return _act(request, member, "away", form, do, done)


@require_POST
@for_members
def come_back(request: MemberRequest, pk: int) -> HttpResponseBase:
    found = Absence.objects.filter(pk=pk, brand=request.brand).first()
    if found is None:
        raise Http404
    leaving.come_back(request.user, pk)
    messages.success(request, _("The absence is taken back."))
    return redirect("people_person", found.user_id)


@require_POST
@for_members
def link(request: MemberRequest, pk: int) -> HttpResponseBase:
    """An owner says that two accounts are one person."""
    member = _member(request, pk)
    offered = linkable(request.brand, member, request.membership)
    form = LinkForm(request.POST, accounts=offered, auto_id="link-%s")

    def do() -> None:
        other = User.objects.get(pk=form.cleaned_data["account"])
        inviting.link(request.user, request.brand, member.user, other)

    return _act(request, member, "link", form, do, _("Linked: the gate counts these accounts as one person."))
