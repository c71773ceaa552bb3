"""An owner's first minutes: name and hours, people, what they have shown, the first channel.

The steps are read from what there is: each can be left, done elsewhere, and taken up again on any day.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy, ngettext, pgettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.middleware import BRAND_KEY
from accounts.models import LANGUAGES, Brand, Membership, User
from accounts.policies import demand_may_run
from approvals.beginning import begin_brand, put_steps_away
from approvals.models import Credential
from cm_queue.desk.forms import attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.settings_forms import zone_field, zones
from cm_queue.desk.weeks import in_a_line


class BeginForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name of the brand"),
        max_length=120,
        help_text=gettext_lazy("As the public knows it. It can be changed later."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=LANGUAGES,
        help_text=gettext_lazy("In which new members are first spoken to."),
    )
    time_zone = zone_field()


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first steps. `note` says how it stands; `href` and `action` do it."""

    key: str
    title: str
    note: str
    done: bool
    href: str
    action: str


@dataclass(frozen=True, slots=True)
class Steps:
    """All of them, in the order in which they are best taken."""

    all: Sequence[Step]

    @property
    def done(self) -> int:
        return sum(one.done for one in self.all)

    @property
    def next(self) -> Step | None:
        return next((one for one in self.all if not one.done), None)


def steps_of(brand: Brand) -> Steps:
    """Four queries."""
    people = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True).count()
    asked = brand.invitations.filter(accepted_at__isnull=True, withdrawn_at__isnull=True).count()
    known = Credential.objects.filter(brand=brand).exists()
    connected = brand.channels.count()
    hours = _("Slots: %(slots)s.") % {"slots": in_a_line(brand.slots)}
    if not brand.slots:
        hours = _("No slot yet: compose has none to offer.")
    first = _("Connect it last: from then on nobody's expertise is recorded on an owner's word alone.")
    if connected:
        first = ngettext("%(n)s channel is connected.", "%(n)s channels are connected.", connected)
    names = (
        _("Name, time zone, slots, quiet hours, holidays"),
        _("People, by invitation"),
        _("The first channel"),
    )
    return Steps(
        [
            Step("hours", names[0], hours, bool(brand.slots), reverse("settings"), _("Settings")),
            Step(
                "people",
                names[1],
                _people(people, asked),
                people > 1,
                reverse("people_invite"),
                pgettext("to do", "Invite"),
            ),
            _founding(known, connected, asked),
            Step(
                "channel",
                names[2],
                first % {"n": connected},
                connected > 0,
                reverse("add_channel"),
                _("Connect a channel"),
            ),
        ]
    )


def _people(people: int, asked: int) -> str:
    here = ngettext("%(n)s person is here", "%(n)s people are here", people) % {"n": people}
    if not asked:
        return f"{here}."
    more = ngettext(
        "%(n)s was sent a link and has not come yet", "%(n)s were sent a link and have not come yet", asked
    )
    return f"{here}, {more % {'n': asked}}."


def _founding(known: bool, connected: int, asked: int) -> Step:
    title, href = _("What everybody has shown so far"), reverse("people_found")
    if known:
        return Step("founding", title, _("The founding grants are recorded."), True, href, "")
    if connected:
        gone = _(
            "A channel was connected before: from now on expertise is proposed, on the page of each person."
        )
        return Step("founding", title, gone, True, reverse("people"), "")
    note = _("Once, before the first channel: who knows the craft, the company, the networks.")
    if asked:
        note += " " + _("Wait for those you invited: whoever has not come yet cannot be named.")
    return Step("founding", title, note, False, href, _("Record it"))


def card_for(brand: Brand, *, is_owner: bool) -> Steps | None:
    """The card on an owner's desk; None once all is done, put away, or for somebody else. Not in the
    demonstration, which is set up."""
    if not is_owner or brand.set_up_at is not None or settings.DEMO:
        return None
    steps = steps_of(brand)
    return steps if steps.next is not None else None


@require_http_methods(["GET", "POST"])
@login_required
def setup(request: HttpRequest) -> HttpResponseBase:
    """For whoever runs a place that has no brand of theirs: the first form. For owners: how far they are."""
    if getattr(request, "membership", None) is not None:
        return progress(request)
    user = request.user
    if not isinstance(user, User) or not user.is_superuser:
        return render(request, "desk/no_brand.html", status=403)
    language = "fr" if (get_language() or "fr").startswith("fr") else "en"
    first = {"time_zone": user.time_zone, "language": language}
    form = BeginForm(request.POST or None, initial=first)
    made: list[Brand] = []

    def begin() -> None:
        said = form.cleaned_data
        made.append(begin_brand(user, said["name"], said["time_zone"], said["language"]))

    status: int | None = 200
    if request.method == "POST":
        status = attempt(form, begin)
        if status is None:
            request.session[BRAND_KEY] = made[0].pk
            messages.success(request, _("%(brand)s exists, and you are its owner.") % {"brand": made[0].name})
            return redirect("setup")
    return render(request, "desk/setup_begin.html", {"form": form, "zones": zones()}, status=status)


@for_members
def progress(request: MemberRequest) -> HttpResponseBase:
    if request.method != "GET":
        return redirect("setup")
    demand_may_run(request.user, request.brand)
    return render(request, "desk/setup.html", {"steps": steps_of(request.brand)})


@require_POST
@for_members
def put_away(request: MemberRequest) -> HttpResponseBase:
    put_steps_away(request.user, request.brand)
    messages.success(request, _("Put away. Settings, People and Channels have all of it."))
    return redirect("desk")
