"""The founding grants of a new brand: once, by its owner, before the first channel is connected."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import formset_factory
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Brand, Membership, User
from accounts.policies import is_alone
from accounts.refusals import Refused
from approvals.expertise import Grant, found
from approvals.naming import NETWORKS, domain_name
from approvals.wording import product_names
from cm_queue.desk.domains import TOPICS, domains_in
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.people import may_found
from cm_queue.desk.people_forms import FoundingForm

LINES = 12


def _domains(brand: Brand) -> list[tuple[str, str]]:
    products = product_names(brand.pk)
    keys = [*domains_in([*NETWORKS, "demo"], products), *TOPICS]
    return [(key, domain_name(key, products)) for key in keys]


@require_http_methods(["GET", "POST"])
@for_members
def found_people(request: MemberRequest) -> HttpResponseBase:
    """A dozen lines at a time on one form: founding happens once, so all of it is sent together."""
    brand = request.brand
    if not request.membership.is_owner:
        raise PermissionDenied(_("Only an owner of %(brand)s can do this.") % {"brand": brand})
    if not may_found(brand):
        messages.info(request, _("Founding grants are recorded once, before the first channel."))
        return redirect("people")
    members = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    users = {row.user_id: row.user for row in members.select_related("user").order_by("user__name")}
    if not is_alone(brand):
        users = {pk: user for pk, user in users.items() if user.person_id != request.user.person_id}
    offered: dict[str, Any] = {
        "people": [(pk, user.name) for pk, user in users.items()],
        "domains": _domains(brand),
    }
    lines = formset_factory(FoundingForm, extra=LINES, max_num=100, absolute_max=100)
    formset = lines(request.POST or None, form_kwargs=offered)
    refusal, status = "", 200
    if formset.is_bound:
        status = 422
        grants = _grants(formset.cleaned_data, users) if formset.is_valid() else []
        if formset.is_valid() and not grants:
            refusal = _("Fill in at least one line.")
        elif grants:
            try:
                made = found(request.user, brand, grants)
            except Refused as refused:
                refusal, status = refused.sentence, refused.status
            else:
                messages.success(request, _("Recorded: %(n)s grants, for 180 days.") % {"n": len(made)})
                return redirect("people")
    context = {"formset": formset, "refusal": refusal}
    return render(request, "desk/people_founding.html", context, status=status)


def _grants(given: list[dict[str, Any]], users: dict[int, User]) -> list[Grant]:
    return [
        Grant(users[one["person"]], one["domain"], one["level"], one["evidence"])
        for one in given
        if one.get("person") in users
    ]
