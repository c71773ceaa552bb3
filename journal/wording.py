"""Says notices and journal verbs in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from journal import moments
from journal.models import Notice


def notice_title(notice: Notice) -> str:
    """What happened, or what is asked, in one sentence."""
    data = {"who": "?", "text": "", "channel": "?", "answer": "", "by": "?", **notice.data}
    titles = {
        "review.asked": _("%(by)s asks you to read a post"),
        "review.nobody": _("Nobody present can approve this post"),
        "post.urgent": _("You are on call: a post by %(by)s cannot wait"),
        "review.remind": _("%(by)s still waits for your opinion on a post"),
        "decision.approve": _("%(who)s approved your post"),
        "decision.request_changes": _("%(who)s asks you to change your post"),
        "decision.reject": _("%(who)s rejected your post"),
        "decision.withdraw": _("%(who)s withdrew their decision"),
        "comment.add": _("%(who)s commented on a post you follow"),
        "suggestion.add": _("%(who)s suggests other words for your post"),
        "suggestion.accept": _("%(who)s accepted the words you suggested"),
        "suggestion.decline": _("%(who)s kept the words as they were"),
        "facet.lower": _("%(who)s said that your post needs less expertise, and why"),
        "post.split": _("%(who)s split your post in two"),
        "lexicon.ask_end": _(
            "%(who)s asks for the end of a rule of the lexicon, “%(text)s”: a second person decides"
        ),
        "lexicon.keep": _("%(who)s kept the rule “%(text)s” of the lexicon"),
        "post.hold": _("%(who)s put your post on hold"),
        "post.held": _("This post was held at its slot: nothing was lost"),
        "post.missed": _("This post missed its slot: choose another one"),
        "delivery.rejected": _("%(channel)s refused this post: %(answer)s"),
        "delivery.auth_failed": _("%(channel)s no longer accepts our access: reconnect it"),
        "delivery.unknown": _("Did this post go out on %(channel)s? Please have a look"),
        "delivery.by_hand": _("Post this by hand on %(channel)s, and say when it is out"),
        "channel.signed_out": _("%(channel)s must be reconnected: the network no longer takes its sign-in"),
        "channel.ends": _("The access of %(channel)s ends on %(day)s: reconnect it before"),
        "channel.broken": _("%(channel)s cannot be reached: it waits until a check succeeds"),
        "recurrence.draft": _("A recurring draft is ready: read it over and submit it"),
        "recurrence.stopped": _("A recurring post can no longer be repeated, so its recurrence has ended"),
        "brand.stop": _("%(who)s stopped everything: nothing goes out until an owner starts it again"),
        "post.rezoned": _("The rules of the time zone changed: look at the slot of this post"),
        "retraction.propose": _("%(who)s proposes to take everything back: a second person must confirm"),
        "decision.override": _("%(who)s lifted an objection"),
        "pause.begin": _("%(who)s paused a part of the brand: your posts there wait, and none is lost"),
        "incident.declare": _("%(who)s declared an incident: everything in its scope waits"),
        "incident.lift": _("%(who)s says that the incident can be lifted: a second person must agree"),
        "incident.lifted": _("The incident is lifted: what was held waits to be gone through, one by one"),
        "credential.revoke": _("%(who)s revoked your expertise in %(domain)s"),
        "credential.propose": _("%(by)s proposes %(who)s for %(domain)s %(level)s: your word is awaited"),
        "credential.confirm": _("%(who)s now holds %(domain)s %(level)s"),
        "credential.decline": _("%(by)s turned down %(who)s for %(domain)s %(level)s"),
        "credential.suspend": _("%(who)s suspended your expertise in %(domain)s"),
        "credential.reinstate": _("%(who)s ended the suspension of your expertise in %(domain)s"),
        "credential.renew": _("%(who)s renewed your expertise in %(domain)s"),
        "credential.practice": _("%(who)s confirmed your practice in %(domain)s: your votes count again"),
        "credential.lapse_soon": _(
            "Your expertise in %(domain)s lapses on %(day)s: it takes 3 acts in 90 days"
        ),
        "credential.lapse": _("The expertise of %(who)s in %(domain)s has lapsed for want of practice"),
        "credential.expire_soon": _(
            "The expertise of %(who)s in %(domain)s runs out on %(day)s: it can be renewed"
        ),
        "credential.expired": _("The expertise of %(who)s in %(domain)s has run out"),
        "credential.look": _(
            "Look again at what is out (%(n)s): it rested on the expertise of %(who)s in %(domain)s"
        ),
        "member.join": _("%(who)s came in by your invitation"),
        "policy.propose": _("%(who)s proposes other rules: a second person must confirm them"),
        "policy.confirm": _("%(who)s confirmed other rules: they are in force"),
        "policy.drop": _("%(who)s dropped the rules you proposed"),
        "policy.held": _("The rules changed: this post waits for what they now ask"),
    }
    return titles.get(notice.kind, notice.kind) % {"level": "?", "n": "?", **data, **_spoken(data)}


def _spoken(data: Mapping[str, Any]) -> dict[str, str]:
    """The domain and the day as people say them, in the active language. What a product or a network is
    called is not known down here: its key stands for it."""
    domain, day = str(data.get("domain", "?")), str(data.get("day", ""))
    plain = {"craft": _("craft"), "company": _("company"), "crisis": _("crisis")}
    try:
        said = moments.day_and_month(date.fromisoformat(day), year=True) if day else "?"
    except ValueError:
        said = day
    return {"domain": plain.get(domain, domain.partition(":")[2] or domain), "day": said}


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
        "post.correct": _("began a correction"),
        "post.order": _("changed what it goes after"),
        "post.rezoned": _("followed the time zone's new rules"),
        "post.published": _("published"),
        "post.partly_published": _("partly published"),
        "post.failed": _("failed"),
        "post.unknown": _("outcome unknown"),
        "post.retracted": _("retracted"),
        "decision.approve": _("approved"),
        "decision.request_changes": _("requested changes"),
        "decision.reject": _("rejected"),
        "decision.withdraw": _("withdrew a decision"),
        "decision.override": _("lifted an objection"),
        "review.remind": _("reminded somebody who was asked"),
        "review.pass_on": _("asked somebody else, because of an absence"),
        "delivery.delivered": _("accepted by the network"),
        "delivery.rejected": pgettext("journal", "refused by the network"),
        "delivery.auth_failed": _("lost its authorisation"),
        "delivery.rate_limited": _("was asked to wait"),
        "delivery.not_sent": _("could not be sent yet"),
        "delivery.unavailable": pgettext("journal", "network unavailable"),
        "delivery.unknown": _("sent, outcome unknown"),
        "delivery.by_hand": _("handed to a person to post"),
        "delivery.ask": _("asks a person"),
        "delivery.corrected": _("corrected in public"),
        "delivery.settle": _("settled an unknown outcome"),
        "delivery.retry": _("asked to try again"),
        "delivery.missed": _("missed"),
        "delivery.lease_expired": _("lost its worker"),
        "comment.add": _("commented"),
        "suggestion.add": _("suggested other words"),
        "suggestion.accept": _("accepted a suggestion"),
        "suggestion.decline": _("declined a suggestion"),
        "facet.raise": _("raised what it is about, for these words"),
        "facet.lower": _("lowered what it asks for"),
        "post.split": _("split off"),
        "lexicon.begin": _("set up the lexicon"),
        "lexicon.add": _("added a rule to the lexicon"),
        "lexicon.ask_end": _("asked for the end of a rule of the lexicon"),
        "lexicon.end": _("ended a rule of the lexicon"),
        "lexicon.keep": _("kept a rule of the lexicon"),
        "snippet.add": _("kept a template or snippet"),
        "snippet.change": _("changed a template or snippet"),
        "snippet.put_away": _("put a template or snippet away"),
        "media.upload": _("uploaded an image"),
        "channel.add": _("added a channel"),
        "channel.check": _("checked a channel"),
        "channel.reconnect": _("reconnected a channel"),
        "channel.renew": _("renewed a channel's sign-in"),
        "channel.pause": _("paused a channel"),
        "channel.resume": _("resumed a channel"),
        "member.invite": _("invited"),
        "member.ask": _("invited, by a link"),
        "member.unask": _("withdrew an invitation"),
        "member.join": _("became a member"),
        "member.deactivate": _("deactivated a member"),
        "account.deactivate": _("closed an account"),
        "account.reset_link": _("sent a reset link"),
        "person.link": _("linked two accounts of one person"),
        "credential.found": pgettext("journal", "founding grant"),
        "credential.revoke": _("revoked expertise"),
        "credential.propose": _("proposed expertise"),
        "credential.vouch": _("vouched for a proposal"),
        "credential.confirm": _("granted expertise"),
        "credential.decline": _("turned a proposal down"),
        "credential.suspend": _("suspended expertise"),
        "credential.reinstate": _("ended a suspension"),
        "credential.renew": _("renewed expertise"),
        "credential.practice": _("confirmed recent practice"),
        "credential.lapse": _("expertise lapsed"),
        "credential.looked": _("looked again at what is out"),
        "rota.write": _("changed who is on call"),
        "absence.add": _("announced an absence"),
        "absence.remove": _("took an absence back"),
        "pause.begin": pgettext("journal", "paused"),
        "pause.end": _("ended a pause"),
        "incident.declare": _("declared an incident"),
        "incident.lift": _("agreed to lift an incident"),
        "incident.lifted": _("incident lifted"),
        "brand.create": _("created the brand"),
        "brand.set_up": _("put the list of first steps away"),
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
        "policy.propose": _("proposed other rules"),
        "policy.confirm": _("confirmed other rules"),
        "policy.drop": _("dropped a proposal of rules"),
        "policy.acknowledge": _("took note that a kind of post cannot go out"),
        "brand.edit": _("changed the brand's settings"),
        "account.access": _("changed who may open the admin panel"),
        "token.revoke": _("revoked an API token"),
    }
    return names.get(verb, verb)
