"""People by invitation: an owner asks somebody in, and whoever opens the link joins, signs in first or signs
up. There is no other way to an account."""

from __future__ import annotations

import smtplib
from typing import Any

import structlog
from allauth.account.forms import SignupForm
from allauth.account.views import SignupView
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.adapters import invitation_of
from accounts.admitting import SESSION_KEY, demand_open, is_for, read_token
from accounts.clock import database_now
from accounts.middleware import BRAND_KEY
from accounts.models import Invitation, User
from accounts.refusals import Forbidden, NotHere, Refused
from approvals.welcoming import MOST_OPEN, accept, ask_in, withdraw_invitation
from cm_queue.desk.forms import attempt
from cm_queue.desk.guarding import MemberRequest, for_members, refused

log = structlog.get_logger("mail")


# --- Asking ------------------------------------------------------------------------------------------
class AskForm(forms.Form):
    """Who is asked in; the name is theirs to change when they come."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120, required=False)
    title = forms.CharField(
        label=gettext_lazy("Title"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Opens nothing: only recorded expertise counts."),
    )
    is_owner = forms.BooleanField(
        label=gettext_lazy("Also an owner: runs the brand, approves nothing by that"), required=False
    )


@require_http_methods(["GET", "POST"])
@never_cache
@for_members
def invite(request: MemberRequest) -> HttpResponseBase:
    """The form, and who was asked and has not come yet. For owners; whether somebody is one, the verb says."""
    if not (request.membership.is_owner or request.user.is_superuser):
        raise PermissionDenied(_("Only an owner of %(brand)s can do this.") % {"brand": request.brand})
    form = AskForm(request.POST or None)
    status: int | None = 200
    if request.method == "POST":
        status = attempt(form, lambda: _ask(request, form.cleaned_data))
        if status is None:
            return redirect("people_invite")
    waiting = Invitation.objects.filter(
        brand=request.brand, accepted_at__isnull=True, withdrawn_at__isnull=True
    )
    context = {
        "form": form,
        "waiting": waiting.select_related("invited_by").order_by("-sent_at", "-pk")[:MOST_OPEN],
        "now": timezone.now(),
    }
    return render(request, "desk/people_invite.html", context, status=status)


@sensitive_variables("token")
def _ask(request: MemberRequest, said: dict[str, Any]) -> None:
    invitation, token = ask_in(
        request.user, request.brand, said["email"], said["name"], title=said["title"], is_owner=said["is_owner"]
    )  # fmt: skip
    if mail_invitation(invitation, token):
        messages.success(
            request, _("%(who)s was sent a link, good for seven days.") % {"who": invitation.email}
        )
    else:
        messages.warning(
            request,
            _(
                "%(who)s is invited, but the mail could not be sent. Nothing is lost: send it again once the"
                " mail server answers."
            )
            % {"who": invitation.email},
        )


@sensitive_variables("token", "url")
def mail_invitation(invitation: Invitation, token: str) -> bool:
    """Mails the link, in the brand's language; whether a server took it. The link is stored nowhere, so it is
    sent here and now, and not by the ticker."""
    url = settings.BASE_URL + reverse("invitation", args=[token])
    with translation.override(invitation.brand.language), timezone.override(invitation.brand.zone):
        context = {"invitation": invitation, "url": url}
        title = _("%(who)s invites you to %(brand)s") % {
            "who": invitation.invited_by, "brand": invitation.brand.name,
        }  # fmt: skip
        message = EmailMultiAlternatives(
            subject=" ".join(title.split()),
            body=render_to_string("desk/invitation/mail.txt", context),
            to=[invitation.email],
            alternatives=[(render_to_string("desk/invitation/mail.html", context), "text/html")],
        )
    try:
        message.send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail_failed", error=type(error).__name__)
        return False
    return True


@require_POST
@for_members
def withdraw(request: MemberRequest, pk: int) -> HttpResponseBase:
    if not Invitation.objects.filter(pk=pk, brand=request.brand).exists():
        raise NotHere("no_such_invitation", _("There is no such invitation."))
    gone = withdraw_invitation(request.user, pk)
    messages.success(request, _("Withdrawn: the link sent to %(who)s opens nothing.") % {"who": gone.email})
    return redirect("people_invite")


# --- Coming --------------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponseBase:
    """Who invites whom, where to, and one button. A look at it changes nothing: mail scanners look."""
    try:
        found = read_token(token)
        demand_open(found, database_now())
        if request.method == "POST":
            return _come(request, found, token)
    except NotHere as refusal:
        return _closed(request, refusal, 404)
    except Forbidden as refusal:
        return _closed(request, refusal, 403)
    except Refused as refusal:
        return _closed(request, refusal, 410)
    user = request.user
    context = {
        "invitation": found,
        "mine": isinstance(user, User) and is_for(found, user),
        "known": User.objects.filter(email=found.email.lower()).exists(),
    }
    other = isinstance(user, User) and not context["mine"]
    return render(request, "desk/invitation/page.html", context, status=403 if other else 200)


def _closed(request: HttpRequest, refusal: Refused, status: int) -> HttpResponse:
    return render(request, "desk/invitation/closed.html", {"refusal": refusal}, status=status)


def _come(request: HttpRequest, found: Invitation, token: str) -> HttpResponseBase:
    """Signed in: joins. Else on to the sign-in, or, where nobody has this address yet, to the sign-up."""
    if isinstance(request.user, User):
        membership = accept(request.user, token)
        _arrive(request, membership.brand_id)
        return redirect("desk")
    if User.objects.filter(email=found.email.lower()).exists():
        back = reverse("invitation", args=[token])
        return redirect(f"{reverse('account_login')}?{urlencode({'next': back})}")
    request.session[SESSION_KEY] = token
    return redirect("account_signup")


def _arrive(request: HttpRequest, brand_id: int) -> None:
    request.session.pop(SESSION_KEY, None)
    request.session[BRAND_KEY] = brand_id
    messages.success(request, _("Welcome. What you know is recorded by those who have seen your work."))


class InvitedForm(SignupForm):  # type: ignore[misc]
    """allauth's form, for the invited address alone, and with a name."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    field_order = ("email", "name", "password1", "password2")

    def __init__(self, *args: Any, invitation: Invitation, token: str, **kwargs: Any) -> None:
        self.invitation, self.token = invitation, token
        given = {"email": invitation.email, "name": invitation.name}
        super().__init__(*args, **{**kwargs, "initial": {**kwargs.get("initial", {}), **given}})
        self.fields["email"].widget.attrs["readonly"] = True
        self.fields["email"].help_text = _("The address that was invited.")

    def clean_email(self) -> str:
        email = str(super().clean_email())
        if email.lower() != self.invitation.email.lower():
            raise forms.ValidationError(_("This invitation is for another address than yours."))
        return email

    def signup(self, request: HttpRequest, user: User) -> None:
        """allauth asks for it; the name is written with the account."""

    def save(self, request: HttpRequest) -> User:
        """The account and its place in the brand, both or neither."""
        with transaction.atomic():
            user: User = super().save(request)
            self.brand_id = accept(user, self.token).brand_id
        return user


@method_decorator([sensitive_post_parameters("password1", "password2"), never_cache], name="dispatch")
class SignUp(SignupView):  # type: ignore[misc]
    """allauth's page, which its adapter opens to whoever came by an invitation, and to nobody else."""

    form_class = InvitedForm

    def get_form_kwargs(self) -> dict[str, Any]:
        token = self.request.session.get(SESSION_KEY, "")
        return {**super().get_form_kwargs(), "invitation": invitation_of(self.request), "token": token}

    def form_valid(self, form: InvitedForm) -> HttpResponseBase:
        try:
            answer: HttpResponseBase = super().form_valid(form)
        except Refused as refusal:
            return refused(self.request, refusal)
        if self.request.user.is_authenticated:
            _arrive(self.request, form.brand_id)
        return answer
