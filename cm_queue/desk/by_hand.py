"""What a person posts by hand, for the phone in their hand: the approved bytes, and the word that it is out.

The bytes are shown only while the gate lets them out: it is asked again each time the page is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.refusals import NotHere
from adapters.base import Payload
from cm_queue.desk.arriving import at_post
from cm_queue.desk.checking import words_of
from cm_queue.desk.explaining import Telling, closed, why_not_out
from cm_queue.desk.forms import SettleForm, attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.linking import app_url, safe_url
from cm_queue.desk.phrasing import at_time
from posts.lifecycle import DeliveryState
from posts.models import Delivery
from posts.titling import title_of
from publishing.handing import HANDED_AGAIN_IN, Hand, hand_of, read_hand
from publishing.reconciling import settle

_ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}


class ItIsOutForm(SettleForm):
    """The same question, asked of somebody who has just posted it."""

    url = forms.URLField(
        required=False,
        max_length=1000,
        assume_scheme="https",
        label=gettext_lazy("Its address"),
        help_text=gettext_lazy("Paste the link that the app gives you. A story has none: leave it empty."),
    )


@require_GET
@for_members
def by_hand(request: MemberRequest, pk: int) -> HttpResponse:
    delivery = _at_delivery(request, pk)
    return _page(request, delivery, _form(pk))


@require_POST
@for_members
def settle_by_hand(request: MemberRequest, pk: int) -> HttpResponse:
    """It is out, and where; or it was not posted."""
    delivery, form = _at_delivery(request, pk), _form(pk, request.POST)

    def say() -> None:
        settle(request.user, pk, went_out=form.cleaned_data["went_out"], url=form.cleaned_data["url"])

    status = attempt(form, say)
    if status is not None:
        return _page(request, _at_delivery(request, pk), form, status)
    messages.success(request, _thanks(form))
    return redirect("post", delivery.post_id)


def _at_delivery(request: MemberRequest, pk: int) -> Delivery:
    """The delivery, if a person posts it and this one may see its post. Raises NotHere."""
    delivery = read_hand(pk)
    if delivery is None:
        raise NotHere("no_such_delivery", _("There is no such delivery."))
    at_post(request, delivery.post_id)
    return delivery


def _form(pk: int, data: Any = None) -> ItIsOutForm:
    return ItIsOutForm(data, auto_id=f"by-hand-{pk}-%s")


def _thanks(form: ItIsOutForm) -> str:
    if form.cleaned_data["went_out"]:
        return _("Thank you: it is out.")
    minutes = int(HANDED_AGAIN_IN.total_seconds() // 60)
    return ngettext(
        "Noted: it is not out. In %(n)s minute the gate is asked again, and somebody is told.",
        "Noted: it is not out. In %(n)s minutes the gate is asked again, and somebody is told.",
        minutes,
    ) % {"n": minutes}


# --- What the page shows ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Picture:
    """One approved image: where it is read, and the name under which it is saved."""

    src: str
    name: str
    alt: str


@dataclass(frozen=True, slots=True)
class Part:
    """One text with its images; `number` from 1."""

    number: int
    text: str
    pictures: list[Picture]

    @property
    def rows(self) -> int:
        """As many lines as the text about needs on a phone."""
        return min(14, 2 + sum(1 + len(line) // 38 for line in self.text.split("\n")))


def parts_of(payload: Payload) -> list[Part]:
    return [
        Part(place, part["text"], [_picture(item, f"{place}-{n}") for n, item in enumerate(part["media"], 1)])
        for place, part in enumerate(payload.body["parts"], start=1)
    ]


def _picture(item: Mapping[str, Any], place: str) -> Picture:
    name = f"image-{place}.{_ENDINGS.get(item['mime'], 'img')}"
    return Picture(reverse("media_file", args=[item["sha256"]]), name, item["alt"])


def _page(request: MemberRequest, delivery: Delivery, form: ItIsOutForm, status: int = 200) -> HttpResponse:
    hand = hand_of(delivery)
    settings, post = delivery.channel.settings, delivery.post
    words = words_of(post.brand)
    body = hand.payload.body if hand.payload else {}
    context = {
        "delivery": delivery,
        "post": post,
        "title": title_of(post),
        "place": settings.get("place") or delivery.channel.name,
        "account": settings.get("account", ""),
        "open_url": app_url(str(settings.get("open_url", ""))),
        "hand": hand,
        "parts": parts_of(hand.payload) if hand.payload else [],
        "how": body.get("how", ""),
        "reply_to": body.get("reply_to", ""),
        "reply_url": safe_url(str(body.get("reply_to", ""))),
        "why": _why(hand, words) if hand.shut else "",
        "asked": delivery.lifecycle == DeliveryState.UNKNOWN,
        "out_at": safe_url(delivery.url),
        "form": form,
    }
    response = render(request, "desk/by_hand.html", context, status=status)
    # Going back to it must ask the gate again, and not show the bytes of an hour ago.
    response["Cache-Control"] = "no-store"
    return response


def _why(hand: Hand, words: Any) -> str:
    """Why it must not be posted, in a sentence."""
    delivery, channel = hand.delivery, hand.delivery.channel
    if hand.shut == "not_handed":
        return why_not_out(delivery.post, hand.verdict, Telling.about([delivery.post], words))
    if hand.shut == "gate":
        return closed(hand.verdict, words)
    if hand.shut == "paused" and hand.why:
        return _("The channel %(channel)s is paused: “%(why)s”.") % {"channel": channel, "why": hand.why}
    if hand.shut == "too_late" and delivery.expires_at is not None:
        return _("Its time is over: it could go out until %(when)s.") % {"when": at_time(delivery.expires_at)}
    plain = {
        "settled": _("Somebody has said that it is out."),
        "stopped": _("Everything of this brand is stopped."),
        "paused": _("The channel %(channel)s is paused.") % {"channel": channel},
        "disconnected": _("The channel %(channel)s is no longer connected.") % {"channel": channel},
        "bytes": _("What was handed over is not what is approved now."),
    }
    return plain[hand.shut]
