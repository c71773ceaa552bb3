"""The signs of the house: what shape and word stand for a state, a level, a network, a domain.

Read a page in grey and nothing may be lost: so each thing has a shape (an id in `static/icons.svg`),
a word, and only then a tone (`ok`, `wait`, `stop` or none).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from approvals.naming import NETWORKS, OWN_NETWORKS
from posts.lifecycle import DeliveryState, PostState


@dataclass(frozen=True, slots=True)
class Sign:
    icon: str
    word: str | Promise
    tone: str = ""


POSTS: Mapping[PostState, Sign] = {
    PostState.DRAFT: Sign("pen", pgettext_lazy("state", "draft")),
    PostState.IN_REVIEW: Sign("read", pgettext_lazy("state", "in review")),
    PostState.CHANGES_REQUESTED: Sign("back", pgettext_lazy("state", "changes requested"), "wait"),
    PostState.REJECTED: Sign("refuse", pgettext_lazy("state", "rejected"), "stop"),
    PostState.SCHEDULED: Sign("check", pgettext_lazy("state", "scheduled"), "ok"),
    PostState.RELEASING: Sign("send", pgettext_lazy("state", "going out"), "ok"),
    PostState.PUBLISHED: Sign("out", pgettext_lazy("state", "published"), "ok"),
    PostState.PARTLY_PUBLISHED: Sign("out", pgettext_lazy("state", "partly published"), "wait"),
    PostState.HELD: Sign("held", pgettext_lazy("state", "held"), "stop"),
    PostState.MISSED: Sign("clock", pgettext_lazy("state", "slot missed"), "stop"),
    PostState.FAILED: Sign("warn", pgettext_lazy("state", "failed"), "stop"),
    PostState.UNKNOWN: Sign("unknown", pgettext_lazy("state", "unknown outcome"), "wait"),
    PostState.WITHDRAWN: Sign("back", pgettext_lazy("state", "withdrawn")),
    PostState.RETRACTED: Sign("close", pgettext_lazy("state", "retracted")),
}
DELIVERIES: Mapping[DeliveryState, Sign] = {
    DeliveryState.PENDING: Sign("clock", pgettext_lazy("state", "waiting")),
    DeliveryState.CLAIMED: Sign("send", pgettext_lazy("state", "about to go")),
    DeliveryState.SENDING: POSTS[PostState.RELEASING],
    DeliveryState.DELIVERED: POSTS[PostState.PUBLISHED],
    DeliveryState.FAILED: POSTS[PostState.FAILED],
    DeliveryState.UNKNOWN: POSTS[PostState.UNKNOWN],
    DeliveryState.HELD: POSTS[PostState.HELD],
    DeliveryState.MISSED: POSTS[PostState.MISSED],
    DeliveryState.RETRACTING: Sign("close", pgettext_lazy("state", "being retracted"), "wait"),
    DeliveryState.RETRACTED: POSTS[PostState.RETRACTED],
}
# By stored value: the two sets of values do not meet (a post's are small letters, a delivery's capitals).
STATES: Mapping[str, Sign] = {str(state): sign for state, sign in [*POSTS.items(), *DELIVERIES.items()]}

LEVELS: tuple[Sign, ...] = (
    Sign("lv0", pgettext_lazy("level", "novice")),
    Sign("lv1", pgettext_lazy("level", "supervised")),
    Sign("lv2", pgettext_lazy("level", "entrusted")),
    Sign("lv3", pgettext_lazy("level", "mentor")),
)

VISIBILITIES: Mapping[str, str | Promise] = {
    "public": pgettext_lazy("visibility", "public"),
    "unlisted": pgettext_lazy("visibility", "unlisted"),
    "private": pgettext_lazy("visibility", "followers only"),
    "direct": pgettext_lazy("visibility", "mentioned people only"),
}


def sign_of_state(value: object) -> Sign:
    """`value` is a member of PostState or DeliveryState, or its stored value. An unknown one shows
    its own name beside the sign of doubt: a gap is seen, never blank."""
    name = str(value)
    return STATES.get(name) or Sign("unknown", name.replace("_", " ").lower())


def sign_of_level(level: int) -> Sign:
    return LEVELS[min(max(level, 0), len(LEVELS) - 1)]


def network_icon(network: str) -> str:
    """The sprite's id for a network (an allusion, not its logo); a plug for one that has no picture yet."""
    return network if network in NETWORKS or network in OWN_NETWORKS else "plug"
