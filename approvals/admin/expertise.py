"""Credentials in the admin panel: found, and taken back or turned down as oneself, with a cause.

Who may is for the verbs to say: running the place makes nobody a mentor.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, ReasonBar, Shown, actor_of, reason_given
from accounts.refusals import Refused
from approvals import expertise, granting, relooking, suspending
from approvals.models import Credential, SecondLook
from approvals.naming import domain_name


class RevokeForm(forms.Form):
    cause = forms.CharField(
        label=gettext_lazy("Cause"),
        max_length=300,
        help_text=gettext_lazy("A sentence. The person reads it, and so does whoever looks at the journal."),
        widget=forms.TextInput(attrs={"class": "vLargeTextField"}),
    )
    since = forms.DateTimeField(
        label=gettext_lazy("Since"),
        required=False,
        help_text=gettext_lazy(
            "Now, unless you say when it began to be wrong: approvals given since then no longer count."
        ),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def clean_since(self) -> Any:
        since = self.cleaned_data["since"]
        if since is not None and since > timezone.now():
            raise forms.ValidationError(_("That is still to come: leave it empty to revoke from now on."))
        return since


class LookedFilter(admin.SimpleListFilter):
    title = gettext_lazy("looked at")
    parameter_name = "looked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("no", gettext_lazy("not yet")), ("yes", gettext_lazy("already"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {"no": True, "yes": False}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(looked_at__isnull=wanted)


@admin.register(Credential)
class CredentialAdmin(Shown):
    list_display = ("user", "in_domain", "level", "state", "brand", "valid_from", "valid_until", "founding")
    fields = (
        "user", "brand", "domain", "level", "state", "valid_from", "valid_until", "confirmed_at",
        "ended_at", "end_cause", "ended_by", "proposed_by", "first_grantor", "second_grantor", "evidence",
        "founding", "follows",
    )  # fmt: skip
    list_select_related = ("user", "brand")
    list_filter = (BrandFilter, "state", "level", "founding")
    search_fields = ("user__name", "user__email", "domain")
    ordering = ("user__name", "domain", "-pk")
    action_form = ReasonBar
    actions = ("confirm", "decline", "suspend", "revoke")
    leads = (("approvals.SecondLook", "credential"),)

    @admin.display(description=gettext_lazy("domain"), ordering="domain")
    def in_domain(self, credential: Credential) -> str:
        return domain_name(credential.domain, {})

    @admin.action(description=gettext_lazy("Confirm the proposal"), permissions=["act"])
    def confirm(self, request: HttpRequest, rows: QuerySet[Credential]) -> None:
        actor = actor_of(request)
        self.act(request, rows, lambda one: granting.confirm(actor, one.pk), _("%(name)s: your word counts."))

    @admin.action(description=gettext_lazy("Turn the proposal down"), permissions=["act"])
    def decline(self, request: HttpRequest, rows: QuerySet[Credential]) -> None:
        actor, why = actor_of(request), reason_given(request)
        done = _("%(name)s: turned down.")
        self.act(request, rows, lambda one: granting.decline(actor, one.pk, why), done)

    @admin.action(description=gettext_lazy("Suspend, while a doubt is looked into"), permissions=["act"])
    def suspend(self, request: HttpRequest, rows: QuerySet[Credential]) -> None:
        actor, why = actor_of(request), reason_given(request)
        done = _("%(name)s: suspended.")
        self.act(request, rows, lambda one: suspending.suspend(actor, one.pk, why), done)

    @admin.action(description=gettext_lazy("Revoke for a cause, from a date…"), permissions=["act"])
    def revoke(self, request: HttpRequest, rows: QuerySet[Credential]) -> HttpResponse | None:
        """Asks for the cause and the date first; then each is revoked, or it is said why not."""
        confirmed = "cause" in request.POST
        first = {"cause": reason_given(request)}
        form = RevokeForm(request.POST) if confirmed else RevokeForm(initial=first)
        if not (confirmed and form.is_valid()):
            return self._ask_cause(request, form, rows)
        said = form.cleaned_data
        for one in rows:
            try:
                held = expertise.revoke(actor_of(request), one.pk, said["cause"], said["since"])
            except Refused as refusal:
                messages.error(request, f"{one}: {refusal.sentence}")
            else:
                messages.success(request, _("%(name)s: revoked.") % {"name": held})
        return None

    def _ask_cause(self, request: HttpRequest, form: RevokeForm, rows: QuerySet[Credential]) -> HttpResponse:
        chosen = [("_selected_action", str(one.pk)) for one in rows]
        page = [("from_page", "1")] if "from_page" in request.POST else []
        return self.ask(
            request,
            form,
            _("Revoke for a cause"),
            _("Revoke"),
            rows=[f"{one} · {one.brand} · {one.get_state_display()}" for one in rows],
            hidden=[("action", "revoke"), ("index", "0"), *page, *chosen],
            action_url=self.own("changelist"),
            back=self.own("changelist"),
            advice=_(
                "All of the person's expertise in the domain ends. Scheduled posts that rested on it are held;"
                " what is already out is listed for another look."
            ),
        )


class CredentialBrandFilter(BrandFilter):
    path = "credential__brand"


@admin.register(SecondLook)
class SecondLookAdmin(Shown):
    """What is out and rested on expertise that was revoked. Whoever looks says in a sentence what came of it."""

    brand_path = "credential__brand"
    list_display = fields = ("post", "credential", "asked_at", "looked_at", "looked_by", "word")
    list_select_related = ("post", "credential__user", "looked_by")
    list_filter = (CredentialBrandFilter, LookedFilter)
    search_fields = ("post__id__exact", "credential__user__name", "credential__domain", "word")
    ordering = ("-pk",)
    action_form = ReasonBar
    actions = ("say_looked",)

    @admin.action(description=gettext_lazy("I have looked: this came of it"), permissions=["act"])
    def say_looked(self, request: HttpRequest, rows: QuerySet[SecondLook]) -> None:
        actor, word = actor_of(request), reason_given(request)
        self.act(request, rows, lambda one: relooking.look(actor, one.pk, word), _("%(name)s: noted."))
