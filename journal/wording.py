"""Says notices and journal verbs in words."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from journal.models import Notice


def notice_title(notice: Notice) -> str:
    """What happened, or what is asked, in one sentence."""
    data = {"who": "?", "channel": "?", "answer": "", "by": "?", **notice.data}
    titles = {
        "review.asked": _("%(by)s asks you to read a post"),
        "review.nobody": _("Nobody present can approve this post"),
        "decision.approve": _("%(who)s approved your post"),
        "decision.request_changes": _("%(who)s asks you to change your post"),
        "decision.reject": _("%(who)s rejected your post"),
        "decision.withdraw": _("%(who)s withdrew their decision"),
        "comment.add": _("%(who)s commented on a post you follow"),
        "post.hold": _("%(who)s put your post on hold"),
        "post.held": _("This post was held at its slot: nothing was lost"),
        "post.missed": _("This post missed its slot: choose another one"),
        "delivery.rejected": _("%(channel)s refused this post: %(answer)s"),
        "delivery.auth_failed": _("%(channel)s no longer accepts our access: reconnect it"),
        "delivery.unknown": _("Did this post go out on %(channel)s? Please have a look"),
        "channel.broken": _("%(channel)s cannot be reached: it waits until a check succeeds"),
        "recurrence.draft": _("A recurring draft is ready: read it over and submit it"),
        "incident.declare": _("%(who)s declared an incident: everything in its scope waits"),
        "credential.revoke": _("%(who)s revoked your expertise in %(domain)s"),
    }
    return titles.get(notice.kind, notice.kind) % {"domain": "?", **data}


def verb_name(verb: str) -> str:
    """A journal verb as people say it; an unknown one as it is stored."""
    names = {
        "post.create": _("wrote a draft"),
        "post.edit": _("edited"),
        "post.seal": _("sealed again"),
        "post.submit": _("submitted for review"),
        "post.schedule": _("scheduled"),
        "post.reschedule": _("moved the slot"),
        "post.reslot": _("took up again"),
        "post.facets": _("changed what it is about"),
        "post.in_review": _("back in review"),
        "post.changes_requested": _("waits for changes"),
        "post.rejected": _("stopped by an objection"),
        "post.hold": _("put on hold"),
        "post.held": pgettext("journal", "held"),
        "post.resume": _("resumed"),
        "post.missed": _("missed its slot"),
        "post.release": _("pressed release"),
        "post.withdraw": _("withdrew"),
        "post.clone": _("cloned"),
        "post.published": _("published"),
        "post.partly_published": _("partly published"),
        "post.failed": _("failed"),
        "post.unknown": _("outcome unknown"),
        "post.retracted": _("retracted"),
        "decision.approve": _("approved"),
        "decision.request_changes": _("requested changes"),
        "decision.reject": _("rejected"),
        "decision.withdraw": _("withdrew a decision"),
        "delivery.delivered": _("accepted by the network"),
        "delivery.rejected": pgettext("journal", "refused by the network"),
        "delivery.auth_failed": _("lost its authorisation"),
        "delivery.rate_limited": _("was asked to wait"),
        "delivery.not_sent": _("could not be sent yet"),
        "delivery.unavailable": pgettext("journal", "network unavailable"),
        "delivery.unknown": _("sent, outcome unknown"),
        "delivery.ask": _("asks a person"),
        "delivery.settle": _("settled an unknown outcome"),
        "delivery.missed": _("missed"),
        "delivery.lease_expired": _("lost its worker"),
        "comment.add": _("commented"),
        "media.upload": _("uploaded an image"),
        "channel.add": _("added a channel"),
        "channel.check": _("checked a channel"),
        "channel.pause": _("paused a channel"),
        "channel.resume": _("resumed a channel"),
        "member.invite": _("invited"),
        "member.deactivate": _("deactivated a member"),
        "account.deactivate": _("closed an account"),
        "account.reset_link": _("sent a reset link"),
        "person.link": _("linked two accounts of one person"),
        "credential.found": pgettext("journal", "founding grant"),
        "credential.revoke": _("revoked expertise"),
        "pause.begin": pgettext("journal", "paused"),
        "pause.end": _("ended a pause"),
        "incident.declare": _("declared an incident"),
        "incident.lift": _("agreed to lift an incident"),
        "incident.lifted": _("incident lifted"),
        "brand.create": _("created the brand"),
        "brand.stop": _("stopped the brand"),
        "brand.start": _("started the brand again"),
        "retraction.ask": _("asked to take it back"),
        "retraction.propose": _("proposed to take everything back"),
        "retraction.confirm": _("confirmed taking everything back"),
        "retraction.done": _("taken back"),
        "retraction.failed": _("could not be taken back"),
        "recurrence.begin": _("made it recurring"),
        "recurrence.end": _("ended a recurrence"),
        "recurrence.draft": _("made a recurring draft"),
        "policy.adopt": _("adopted a policy"),
        "brand.edit": _("changed the brand's settings"),
        "account.access": _("changed who may open the admin panel"),
        "token.revoke": _("revoked an API token"),
    }
    return names.get(verb, verb)
