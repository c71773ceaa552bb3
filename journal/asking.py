"""What a notice asks of its reader, and where that is done."""

from __future__ import annotations

from django.utils.translation import gettext as _

from journal.models import Notice

_TO_READ = {"review.asked", "review.remind", "post.urgent"}


def ask_of(notice: Notice) -> str:
    """What is asked, in one sentence in the active language; empty when the notice only tells."""
    read = _("Read it, then approve it, ask for changes or reject it.")
    reconnect = _("Reconnect the channel; what was due there waits.")
    asks = {
        "review.asked": read,
        "review.remind": read,
        "post.urgent": read,
        "review.nobody": _("Invite or entrust somebody, or let the post wait."),
        "decision.request_changes": _("Change what is asked, and submit it again."),
        "decision.reject": _("Read why; then change it, or withdraw it."),
        "post.hold": _("See why; it waits until somebody resumes it."),
        "post.held": _("See why, then confirm it, move it or withdraw it."),
        "post.missed": _("Choose another slot, or withdraw the post."),
        "post.rezoned": _("Look whether the slot still is the hour you meant."),
        "policy.held": _("See what is missing now."),
        "delivery.rejected": _("Change what the network refused, and submit it again."),
        "delivery.auth_failed": reconnect,
        "delivery.unknown": _("Look at the channel, and say whether it went out."),
        "delivery.by_hand": _("Post it on your phone, then say that it is out."),
        "channel.signed_out": reconnect,
        "channel.ends": reconnect,
        "channel.broken": _("Look at the channel, and check it again."),
        "recurrence.draft": _("Read it over and submit it."),
        "incident.declare": _("Publish nothing in its scope, also by hand; read what is known."),
        "incident.lift": _("Agree, or say why it is too early."),
        "incident.lifted": _("Go through what was held, one by one."),
        "retraction.propose": _("Look at what would be taken back, and confirm it or not."),
        "credential.propose": _("Confirm it, or decline it and say why."),
        "credential.look": _("Look at each of them, and say what you found."),
        "credential.expire_soon": _("Renew it, or let it run out."),
        "policy.propose": _("Read what would change, then confirm it or drop it."),
        "lexicon.ask_end": _("End the rule, or keep it."),
    }
    return asks.get(notice.kind, "")


def path_of(notice: Notice) -> str:
    """The page of exactly that thing. What is posted by hand has a page of its own, for the phone this is
    read on. The pages live above this app: tests see to it that each of these is there."""
    data, post = notice.data, notice.post_id
    if data.get("by_hand"):
        return f"/deliveries/{data['by_hand']}/by-hand/"
    if post:
        if notice.kind in _TO_READ:
            return f"/review/{post}/"
        return f"/posts/{post}/#comments" if notice.kind == "comment.add" else f"/posts/{post}/"
    if data.get("incident"):
        return f"/incident/{data['incident']}/"
    if notice.kind.startswith("credential.") and data.get("user"):
        return f"/people/{data['user']}/"
    return _PLACES.get(notice.kind.partition(".")[0], "/")


_PLACES = {
    "incident": "/incident/",
    "pause": "/incident/",
    "retraction": "/incident/",
    "credential": "/people/",
    "member": "/people/",
    "policy": "/policy/",
    "lexicon": "/lexicon/",
    "channel": "/channels/",
}
