"""Accounts, memberships and tokens in the admin panel: invited, closed, sent a link. Never a password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown, actor_of, brands_of
from accounts.labels import WordedEmpty
from accounts.models import ApiToken, Brand, Invitation, Membership, User
from accounts.policies import demand_may_run
from accounts.refusals import Refused
from approvals import inviting, running, welcoming

if TYPE_CHECKING:
    _UserForm = forms.ModelForm[User]
    _Permissions = forms.ModelMultipleChoiceField[Permission]
else:
    _UserForm = forms.ModelForm
    _Permissions = forms.ModelMultipleChoiceField

APPS = ("accounts", "approvals", "journal", "posts", "publishing")


class Seen(_Permissions):
    """What may be seen, by the panel's own words: Django stores a permission's name in English."""

    def label_from_instance(self, obj: Permission) -> str:
        model = obj.content_type.model_class()
        if model is None or obj.content_type.app_label not in APPS:
            return _("Workers and queues")
        return f"{model._meta.app_config.verbose_name} · {model._meta.verbose_name_plural}"


def with_a_page() -> list[str]:
    """The permissions to look at what this panel has a page for; others would open nothing."""
    ours = (model for app in APPS for model in apps.get_app_config(app).get_models())
    return [f"view_{model._meta.model_name}" for model in ours if admin.site.is_registered(model)]


class AccessForm(_UserForm):
    """Who may open this panel, and what they see in it. Who may act is for the verbs to say."""

    user_permissions = Seen(
        label=gettext_lazy("May see here"),
        required=False,
        queryset=Permission.objects.filter(
            Q(content_type__app_label__in=APPS, codename__startswith="view_")
            | Q(content_type__app_label="django_rq", codename="admin")
        ).select_related("content_type"),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = User
        fields = ("is_staff", "is_superuser", "user_permissions")

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        # Read here and not above: pages are still being registered while this module loads.
        field = self.fields["user_permissions"]
        assert isinstance(field, Seen)
        assert field.queryset is not None
        field.queryset = field.queryset.filter(Q(codename__in=with_a_page()) | Q(codename="admin"))


@admin.register(User)
class UserAdmin(Shown):
    form = AccessForm
    fields = (
        "email", "name", "is_active", "language", "time_zone", "same_person_as", "date_joined", "last_login",
        "member_of", "is_staff", "is_superuser", "user_permissions",
    )  # fmt: skip
    list_display = ("name", "email", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("name", "email")
    ordering = ("name", "pk")
    actions = ("close_accounts", "send_links")
    leads = (
        ("accounts.Membership", "user"),
        ("approvals.Credential", "user"),
        ("approvals.Decision", "user"),
        ("posts.Post", "author"),
        ("journal.Entry", "actor"),
        ("journal.Notice", "user"),
        ("accounts.ApiToken", "user"),
    )

    def in_brands(self, rows: QuerySet[Any], brands: QuerySet[Brand]) -> QuerySet[Any]:
        return rows.filter(pk__in=Membership.objects.filter(brand__in=brands).values("user_id"))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        return [name for name in self.fields if name not in AccessForm.Meta.fields]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Nobody changes their own access, so that the last who runs the place stays in it."""
        user = actor_of(request)
        return user.is_superuser and (obj is None or obj.pk != user.pk)

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:
        running.set_panel_access(
            actor_of(request),
            obj,
            is_staff=form.cleaned_data["is_staff"],
            is_superuser=form.cleaned_data["is_superuser"],
            permissions=form.cleaned_data["user_permissions"],
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The verb has written the permissions already."""

    @admin.display(description=gettext_lazy("member of"))
    def member_of(self, user: User) -> str:
        held = user.memberships.filter(is_active=True).select_related("brand")
        return ", ".join(one.brand.name for one in held) or "–"

    @admin.action(description=gettext_lazy("Close the account, for all brands"), permissions=["act"])
    def close_accounts(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        actor = actor_of(request)
        done = _("%(name)s: the account is closed. Nothing they did is lost.")
        self.act(request, rows, lambda user: inviting.deactivate_account(actor, user), done)

    @admin.action(description=gettext_lazy("Send a link to set a password"), permissions=["act"])
    def send_links(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        done = _("%(name)s: a link to set a password was sent.")
        self.act(request, rows, lambda user: running.send_link(request, user), done)


class InviteForm(forms.Form):
    """Raises nothing itself: what the verb refuses is put at its field by the page."""

    brand = forms.ModelChoiceField(label=gettext_lazy("Brand"), queryset=Brand.objects.none())
    email = forms.CharField(
        label=gettext_lazy("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"class": "vTextField"})
    )
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput(attrs={"class": "vTextField"})
    )
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Opens nothing: only recorded expertise counts."),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )
    is_owner = forms.BooleanField(
        label=gettext_lazy("Owner"),
        required=False,
        help_text=gettext_lazy("Runs the brand; approves nothing by that."),
    )

    def __init__(self, actor: User, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        field = self.fields["brand"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = brands_of(actor).order_by("name")


@admin.register(Membership)
class MembershipAdmin(Shown):
    list_display = ("user", "email", "brand", "title", "is_owner", "is_active", "joined_at")
    fields = ("user", "email", "brand", "title", "is_owner", "is_active", "joined_at")
    list_select_related = ("user", "brand")
    list_filter = (BrandFilter, "is_active", "is_owner")
    search_fields = ("user__name", "user__email", "title")
    ordering = ("user__name", "pk")
    actions = ("deactivate", "send_links")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Adding is inviting: owners invite into their brand, whoever runs the place into any."""
        user = actor_of(request)
        return user.is_superuser or user.memberships.filter(is_active=True, is_owner=True).exists()

    @admin.display(description=gettext_lazy("e-mail"))
    def email(self, membership: Membership) -> str:
        return membership.user.email

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        actor = actor_of(request)
        form = InviteForm(actor, request.POST or None)
        if request.method == "POST" and form.is_valid() and self._invited(request, actor, form):
            return HttpResponseRedirect(reverse("admin:accounts_membership_changelist"))
        context = {
            **self.admin_site.each_context(request),
            "title": _("Invite somebody"),
            "form": form,
            "opts": self.opts,
        }
        return TemplateResponse(request, "admin/accounts/membership/invite.html", context)

    def _invited(self, request: HttpRequest, actor: User, form: InviteForm) -> bool:
        given = form.cleaned_data
        try:
            made = inviting.invite(
                actor,
                given["brand"],
                given["email"],
                given["name"],
                title=given["title"],
                is_owner=given["is_owner"],
            )
        except Refused as refusal:
            for field, sentences in (refusal.fields or {"": [refusal.sentence]}).items():
                form.add_error(field if field in form.fields else None, [str(one) for one in sentences])
            return False
        messages.success(request, _("%(name)s is now a member.") % {"name": made.user})
        if not made.user.has_usable_password():
            done = _("%(name)s: a link to set a password was sent.")
            self.act(request, [made.user], lambda user: inviting.send_reset_link(request, user), done)
        return True

    @admin.action(description=gettext_lazy("Deactivate the membership"), permissions=["act"])
    def deactivate(self, request: HttpRequest, rows: QuerySet[Membership]) -> None:
        actor = actor_of(request)
        done = _("%(name)s: no longer a member. Nothing they did is lost.")
        self.act(request, rows, lambda one: inviting.deactivate(actor, one), done)

    @admin.action(description=gettext_lazy("Send a link to set a password"), permissions=["act"])
    def send_links(self, request: HttpRequest, rows: QuerySet[Membership]) -> None:
        def send(membership: Membership) -> None:
            demand_may_run(actor_of(request), membership.brand)
            inviting.send_reset_link(request, membership.user)

        self.act(request, rows, send, _("%(name)s: a link to set a password was sent."))


@admin.register(ApiToken)
class ApiTokenAdmin(Shown):
    subject = "token"
    list_display = fields = ("user", "brand", "label", "scopes", "created_at", "expires_at", "revoked_at")
    list_select_related = ("user", "brand")
    list_filter = (BrandFilter,)
    search_fields = ("user__name", "user__email", "label")
    ordering = ("-pk",)
    actions = ("revoke",)

    @admin.action(description=gettext_lazy("Revoke the token"), permissions=["act"])
    def revoke(self, request: HttpRequest, rows: QuerySet[ApiToken]) -> None:
        actor = actor_of(request)
        self.act(request, rows, lambda one: running.revoke_token(actor, one), _("%(name)s: revoked."))


@admin.register(Invitation)
class InvitationAdmin(Shown):
    """Who was asked in. The link itself is in their mail and nowhere else."""

    list_display = (
        "email", "name", "brand", "is_owner", "invited_by", "sent_at", "expires_at", "accepted_at",
        "withdrawn_at",
    )  # fmt: skip
    fields = (*list_display, "title", "accepted_by")
    list_select_related = ("brand", "invited_by")
    list_filter = (BrandFilter, ("accepted_at", WordedEmpty))
    search_fields = ("email", "name", "invited_by__name")
    ordering = ("-pk",)
    actions = ("withdraw",)

    @admin.action(description=gettext_lazy("Withdraw the invitation"), permissions=["act"])
    def withdraw(self, request: HttpRequest, rows: QuerySet[Invitation]) -> None:
        actor = actor_of(request)
        done = _("%(name)s: the link opens nothing any more.")
        self.act(request, rows, lambda one: welcoming.withdraw_invitation(actor, one.pk), done)
