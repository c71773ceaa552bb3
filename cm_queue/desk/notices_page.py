"""All that one was told, and by which way one wants to be told: at once, in the morning, or only here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.middleware import BRAND_KEY
from accounts.models import Brand, User
from cm_queue.desk.forms import attempt, offer
from cm_queue.desk.gathering import Told
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.living import keep_live
from cm_queue.desk.queueing import listed_posts
from journal import moments, preferring
from journal.asking import path_of
from journal.models import How, Notice, Topic
from journal.preferring import DIGEST, FIXED
from journal.wording import notice_title
from posts.titling import title_of

PER_PAGE = 25
_WHICH: Mapping[Topic, Any] = {
    Topic.ASKED: gettext_lazy("To read a post, to post one by hand, to confirm an expertise or other rules."),
    Topic.STOPPED: gettext_lazy("Your post was put on hold, missed its slot, or a network refused it."),
    Topic.ANSWERED: gettext_lazy("Approved, sent back, rejected; an objection lifted."),
    Topic.CHANNELS: gettext_lazy("It must be reconnected, or it cannot be reached."),
    Topic.TALK: gettext_lazy("On posts you wrote, read or follow."),
    Topic.TEAM: gettext_lazy("What you and others are entrusted with; rules that are in force."),
}


class PreferencesForm(forms.Form):
    """One choice a topic, and the hour of the digest. What is fixed is not a field: it is said beside."""

    asked = forms.ChoiceField(widget=forms.RadioSelect)
    stopped = forms.ChoiceField(widget=forms.RadioSelect)
    answered = forms.ChoiceField(widget=forms.RadioSelect)
    channels = forms.ChoiceField(widget=forms.RadioSelect)
    talk = forms.ChoiceField(widget=forms.RadioSelect)
    team = forms.ChoiceField(widget=forms.RadioSelect)
    hour = forms.TypedChoiceField(label=gettext_lazy("The digest comes at"), coerce=int)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "n-%s", **kwargs})
        for topic, which in _WHICH.items():
            field = self.fields[topic.value]
            field.label, field.help_text = topic.label, which
            offer(self, topic.value, How.choices)
        offer(self, "hour", [(str(hour), moments.clock(time(hour))) for hour in range(24)])
        self.fields["hour"].help_text = _("By your own clock: %(place)s. Without news there is none.") % {
            "place": moments.place(user.time_zone)
        }

    def wanted(self) -> dict[Topic, How]:
        return {topic: How(self.cleaned_data[topic.value]) for topic in _WHICH}


def _chosen(user: User) -> dict[str, Any]:
    """What holds now, as the form shows it."""
    wishes = preferring.wishes_of([user.pk])[user.pk]
    return {topic.value: wishes[topic].value for topic in _WHICH} | {"hour": preferring.hour_of(user)}


@require_safe
@for_members
def notifications(request: MemberRequest) -> HttpResponse:
    keep_live(request)
    return _page(request, PreferencesForm(initial=_chosen(request.user), user=request.user))


def _page(request: MemberRequest, form: PreferencesForm, status: int = 200) -> HttpResponse:
    mine = Notice.objects.filter(user=request.user, brand=request.brand)
    unread = mine.filter(read_at__isnull=True)
    only = request.GET.get("only") == "unread"
    page = Paginator((unread if only else mine).order_by("-pk"), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "told": told(list(page), request.brand),
        "page": page,
        "only": only,
        "unread": unread.count(),
        "up_to": mine.aggregate(last=Max("pk"))["last"] or 0,
        "form": form,
        "fixed_why": preferring.fixed_why(),
        "fixed": [topic.label for topic in FIXED],
    }
    return render(request, "desk/notifications.html", context, status=status)


def told(rows: list[Notice], brand: Brand) -> list[Told]:
    """Notices in words, with the posts they are about: one query more for any number."""
    wanted = {one.post_id for one in rows if one.post_id}
    posts = listed_posts(brand).in_bulk(wanted) if wanted else {}
    found = []
    for one in rows:
        post = posts.get(one.post_id or 0)
        found.append(Told(one, notice_title(one), post, title_of(post, 72) if post else ""))
    return found


@require_POST
@for_members
def prefer(request: MemberRequest) -> HttpResponse:
    """Keeps what was chosen. What cannot be chosen comes back beside its choice."""
    form = PreferencesForm(request.POST, user=request.user)
    status = attempt(form, lambda: preferring.prefer(request.user, form.wanted(), form.cleaned_data["hour"]))
    if status is not None:
        return _page(request, form, status)
    messages.success(request, _("Kept: this is how you are told from now on."))
    return redirect("notifications")


@require_safe
@for_members
def open_notice(request: MemberRequest, pk: int) -> HttpResponse:
    """From a notice to its thing. It is read then; and a notice of another brand of theirs brings the page of
    that brand: a link in a mail knows nothing of the brand that was looked at last."""
    notice = Notice.objects.filter(pk=pk, user=request.user).first()
    brands = {one.brand_id for one in request.memberships}
    if notice is None or notice.brand_id not in brands:
        raise Http404
    if notice.brand_id != request.brand.pk:
        request.session[BRAND_KEY] = notice.brand_id
    Notice.objects.filter(pk=pk, read_at__isnull=True).update(read_at=timezone.now())
    return redirect(path_of(notice))


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def turn_off(request: HttpRequest, token: str) -> HttpResponse:
    """Ends a kind of mail with one click, from the mail itself: without signing in, and for a mail program
    that posts here by itself (RFC 8058). Only a POST does it; a program that merely looks at links does not.
    The signed address is all that it takes, so no form token could add anything."""
    found = preferring.read_off_token(token)
    if found is None:
        raise Http404
    user, what = found
    if request.method == "POST":
        preferring.turn_off(user, what)
    with translation.override(user.language):
        context = {
            "topic": "" if what == DIGEST else Topic(what).label,
            "reader": user,
            "done": request.method == "POST",
        }
        return render(request, "desk/notifications_off.html", context)
