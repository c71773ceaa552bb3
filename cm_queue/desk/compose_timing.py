"""The chosen time on the compose page: which one a calendar asked for, and what speaks against it."""

from __future__ import annotations

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.clock import database_now
from accounts.models import Brand
from accounts.refusals import Refused
from cm_queue.desk import signs
from cm_queue.desk.compose_sheet import Read, Sheet
from journal import moments
from posts.crowding import around
from posts.models import Post
from posts.scheduling import demand_future, read_instant
from posts.titling import title_of

NAMED = 3


def slot_asked(text: str, brand: Brand) -> str:
    """A slot as it stands in an address (`/compose/?slot=…`), if it is one that can still be meant."""
    try:
        slot = read_instant(text, brand.zone)
        demand_future(slot, database_now())
    except Refused:
        return ""
    return slot.isoformat()


def warn_of_time(sheet: Sheet, read: Read) -> None:
    """Beside the chosen time: quiet hours, a holiday, and what else goes out around it on the same channels."""
    sheet.warn_of_silence(read)
    slot = read.fields["slot"]
    if slot is None:
        return
    channels = [channel.pk for channel in read.channels]
    but = sheet.post.pk if sheet.post else None
    found = around(sheet.brand, slot, channels, but, NAMED + 1)
    if not found:
        return
    told = "; ".join(_told(post) for post in found[:NAMED])
    more = _(", and more") if len(found) > NAMED else ""
    sentence = ngettext(
        "Close to it on the same channel: %(posts)s%(more)s.",
        "Close to it on the same channels: %(posts)s%(more)s.",
        len(channels),
    )
    sheet.remark("slot", sentence % {"posts": told, "more": more}, soft=True)


def _told(post: Post) -> str:
    """« 12 h 30, « Le guide des ampoules », approuvé »."""
    words = {
        "when": moments.clock(post.slot) if post.slot else "",
        "title": title_of(post, 60),
        "state": signs.sign_of_state(post.state).word,
    }
    return capfirst(_("%(when)s, “%(title)s” (%(state)s)") % words)
