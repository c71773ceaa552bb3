"""A person's own keys to the HTTP API: made, shown once, revoked."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import ApiToken, Scope
from accounts.tokens import make_token
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.proving import prove_presence


class TokenForm(forms.Form):
    """What a key is for, and what it may do."""

    label = forms.CharField(label=gettext_lazy("What for"), max_length=80)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("It may"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )


@require_http_methods(["GET", "POST"])
@never_cache
@for_members
def tokens(request: MemberRequest) -> HttpResponseBase:
    """The list, and on POST a new one, shown on the answer and never again. The right to decide is given
    by somebody who has just said again who they are."""
    form = TokenForm(request.POST or None)
    made = ""
    if form.is_valid():
        scopes = form.cleaned_data["scopes"]
        if Scope.DECIDE in scopes:
            prove_presence(request)
        made = make_token(
            request.user, request.brand, scopes, form.cleaned_data["label"], present=Scope.DECIDE in scopes
        )
        form = TokenForm()
    mine = ApiToken.objects.filter(user=request.user, brand=request.brand).order_by("-pk")
    context = {"form": form, "made": made, "tokens": mine, "now": timezone.now()}
    return render(request, "desk/tokens.html", context, status=422 if form.is_bound else 200)


@require_POST
@for_members
def revoke_token(request: MemberRequest, pk: int) -> HttpResponseBase:
    """From now on the key opens nothing."""
    mine = ApiToken.objects.filter(pk=pk, user=request.user)
    if not mine.exists():
        raise Http404
    mine.filter(revoked_at__isnull=True).update(revoked_at=timezone.now())
    messages.success(request, _("This token opens nothing any more."))
    return redirect("tokens")
