"""Coming in: one click on the cast in the demonstration, another brand, another language."""

from __future__ import annotations

from typing import Any

from allauth.account.utils import perform_login
from allauth.account.views import LoginView
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST
from django.views.i18n import set_language as set_language_of_device

from accounts.middleware import BRAND_KEY
from accounts.models import User
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.seeding import CAST

# What each of the cast shows; the seed has their names and titles.
LINES: dict[str, tuple[str | Promise, str | Promise]] = {
    "ines": (_("drafts"), _("Intern, supervised. She writes; nothing goes out on her word alone.")),
    "marc": (_("knows the trade"), _("Entrusted with the craft and the networks. He covers only a part.")),
    "nadia": (_("reviews"), _("Mentor of the craft and of the house. She is enough for a routine post.")),
    "sofia": (_("knows the lamps"), _("The expert who is called for the Aurore lamp.")),
    "victor": (_("holds the crisis"), _("He can stop everything with one click, and reopen with another.")),
    "hugo": (_("knows it all, part-time"), _("The second mentor, in every domain.")),
    "olga": (_("runs the place"), _("Owner, without expertise: she approves nothing.")),
}


def cast() -> list[dict[str, str]]:
    """The demonstration's cast for the sign-in page; empty elsewhere, and before it is seeded."""
    if not settings.DEMO:
        return []
    known = User.objects.filter(email__in=[one.email for one in CAST], is_active=True)
    there = set(known.values_list("email", flat=True))
    shown = []
    for one in CAST:
        title, line = LINES.get(one.key, (one.title, one.line))
        if one.email in there:
            shown.append({"email": one.email, "name": one.name, "title": str(title), "line": str(line)})
    return shown


@method_decorator([sensitive_post_parameters("password"), never_cache], name="dispatch")
class SignIn(LoginView):  # type: ignore[misc]
    """allauth's page, with the cast beside the form in the demonstration."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_context_data(**kwargs), "cast": cast()}


class AddPasskey(AddWebAuthnForm):  # type: ignore[misc]
    """allauth names this field in English only."""

    name = forms.CharField(label=_("Name of the key"), required=False)


class RenamePasskey(EditWebAuthnForm):  # type: ignore[misc]
    name = forms.CharField(label=_("Name of the key"))


class CastForm(forms.Form):
    """Somebody of the cast, and nobody else."""

    email = forms.ChoiceField(choices=[(one.email, one.name) for one in CAST])


@require_POST
def demo_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Signs in as one of the cast without a password. Only in the demonstration, which listens on this
    machine alone; anywhere else this address does not exist."""
    form = CastForm(request.POST)
    if not settings.DEMO or not form.is_valid():
        raise Http404
    user = User.objects.filter(email=form.cleaned_data["email"], is_active=True).first()
    if user is None:
        raise Http404
    # allauth's own way in: it asks for a second factor where there is one, and heeds a safe `next`.
    answer: HttpResponseBase = perform_login(request, user, email_verification="none")
    return answer


class BrandForm(forms.Form):
    """One of the brands a person speaks for, by its short name."""

    brand = forms.ChoiceField()

    def __init__(self, *args: Any, slugs: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["brand"] = forms.ChoiceField(choices=[(slug, slug) for slug in slugs])


@require_POST
@for_members
def switch_brand(request: MemberRequest) -> HttpResponseBase:
    """From now on this session is about another of the person's brands."""
    brands = {membership.brand.slug: membership.brand_id for membership in request.memberships}
    form = BrandForm(request.POST, slugs=list(brands))
    if not form.is_valid():
        raise Http404
    request.session[BRAND_KEY] = brands[form.cleaned_data["brand"]]
    return redirect(settings.LOGIN_REDIRECT_URL)


class LanguageForm(forms.Form):
    language = forms.ChoiceField(choices=settings.LANGUAGES)


@require_POST
def set_language(request: HttpRequest) -> HttpResponseBase:
    """Django's own, and in the profile too, so that the choice follows the person to another device."""
    form = LanguageForm(request.POST)
    if form.is_valid() and request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=form.cleaned_data["language"])
    return set_language_of_device(request)
