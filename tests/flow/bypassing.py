"""Every door of the house, found in the URL configuration: what can be called, and with which arguments.

Nothing here is a list of doors. What is written down is how an argument of an address is filled; an address with an
argument that nobody thought of has no filling, and the matrix fails until somebody says what it names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import User
from cm_queue.api.urls import api
from posts.models import Post
from tests.flow.bypass_stage import STATES, WHERE, Stage, delivery_of, row_of
from tests.flow.bypass_watch import path_to_brand

METHODS = ("GET", "POST", "PATCH", "PUT", "DELETE")
# A POST without a body, one with what its form or schema asks for, and the methods that nothing here answers.
EMPTY, PLAUSIBLE = "POST, empty", "POST, filled in"
API = "api/v1/"
_ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>[^)]*\)")


class NoFilling(AssertionError):
    """An address has an argument of which nobody said what it names."""


@dataclass(frozen=True)
class Address:
    """One line of the URL configuration. `model` is the panel's, where it is one of the panel's."""

    route: str
    area: str
    model: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        return tuple(one or other for one, other in _ARGUMENT.findall(self.route))


@dataclass(frozen=True)
class What:
    """One thing that can be done at an address: `how` is a method, or one of the two kinds of POST."""

    address: Address
    how: str
    action: str = ""

    def __str__(self) -> str:
        return f"{self.how} /{self.address.route}{f' ({self.action})' if self.action else ''}"


# --- The URL configuration --------------------------------------------------------------------------
@cache
def addresses() -> tuple[Address, ...]:
    found = dict.fromkeys(_walk(get_resolver().url_patterns, ""))
    return tuple(Address(route, _area(route), _model(route)) for route in found)


def _walk(patterns: list[Any], before: str) -> Iterator[str]:
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield before + str(one.pattern)


def _area(route: str) -> str:
    for start, area in ((API, "api"), ("admin/", "panel"), ("accounts/", "sign-in"), ("i18n/", "sign-in")):
        if route.startswith(start):
            return area
    return "desk"


def _model(route: str) -> str:
    found = re.match(r"admin/([a-z]+)/([a-z]+)/", route)
    label = f"{found[1]}.{found[2]}" if found else ""
    return label if label in {one._meta.label_lower for one in admin.site._registry} else ""


# --- What can be done there ---------------------------------------------------------------------------
def everything(area: str) -> list[What]:
    """Of an area, in a fixed order. The API's methods are those of its own description."""
    found = [What(one, how) for one in addresses() if one.area == area for how in _hows(one)]
    return found + (_actions() if area == "panel" else [])


def _hows(address: Address) -> list[str]:
    offered = set(described().get(as_described(address.route), {}))
    if address.area != "api" or not offered:
        return ["GET", EMPTY, PLAUSIBLE, "PATCH", "PUT", "DELETE"]
    hows = [EMPTY if one == "POST" else one for one in METHODS]
    return [*hows, PLAUSIBLE] if "POST" in offered else hows


def is_refused_by_method(what: What) -> bool:
    """A method that the address does not have at all: no matter who, no matter what."""
    if what.address.area == "api":
        offered = described().get(as_described(what.address.route), {})
        return bool(offered) and what.how.partition(",")[0] not in offered
    return what.how in ("PATCH", "PUT", "DELETE")


@cache
def described() -> dict[str, dict[str, Any]]:
    """{path: {METHOD: operation}} of the API's own description."""
    paths = api.get_openapi_schema()["paths"]
    return {
        path.lstrip("/"): {how.upper(): what for how, what in found.items()} for path, found in paths.items()
    }


def as_described(route: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def operation(what: What) -> dict[str, Any]:
    found = described().get(as_described(what.address.route), {})
    operation: dict[str, Any] = found.get(what.how.partition(",")[0], {})
    return operation


def _actions() -> list[What]:
    """Every action of every list of the panel."""
    found = []
    for model, its in sorted(admin.site._registry.items(), key=lambda pair: pair[0]._meta.label):
        address = Address(
            f"admin/{model._meta.label_lower.replace('.', '/')}/", "panel", model._meta.label_lower
        )
        names = [name for name, _call in admin.site.actions]
        names += [one if isinstance(one, str) else one.__name__ for one in its.actions or ()]
        # A name that no list has, in case a list believes whatever it is told.
        found += [What(address, PLAUSIBLE, name) for name in (*dict.fromkeys(names), "release")]
    return found


# --- What its arguments name ----------------------------------------------------------------------------
# (beginning of the address, argument) → what it names. The longest beginning that fits is taken.
FILLINGS: dict[tuple[str, str], str] = {
    ("review/", "pk"): "post",
    ("posts/", "pk"): "post",
    ("calendar/posts/", "pk"): "post",
    ("incident/posts/", "pk"): "post",
    ("incident/pauses/", "pk"): "pause",
    ("incident/", "pk"): "incident",
    ("incidents/", "pk"): "incident",
    ("pauses/", "pk"): "pause",
    ("deliveries/", "pk"): "delivery",
    ("recurrences/", "pk"): "recurrence",
    ("suggestions/", "pk"): "suggestion",
    ("lexicon/", "pk"): "rule",
    ("snippets/", "pk"): "snippet",
    ("media/", "sha256"): "sha256",
    # A signed address opens for anybody, which is what it is for: see tests/desk/test_lending.py.
    ("insights/", "name"): "=reasons",
    ("lent/", "token"): "=forged",
    ("lent/", "name"): "=picture.jpg",
    ("feeds/", "brand"): "slug",
    ("feeds/", "channel"): "=feed",
    ("feeds/", "name"): "=picture.png",
    ("people/", "pk"): "person",
    ("people/invitations/", "pk"): "=1",
    ("hints/", "name"): "=first-draft",
    ("invitation/", "token"): "=forged",
    ("absences/", "pk"): "absence",
    ("credentials/", "pk"): "credential",
    ("second-looks/", "pk"): "second_look",
    ("policy/", "pk"): "policy",
    ("channels/", "pk"): "channel",
    ("channels/add/", "network"): "=demo",
    ("channels/sign-in/", "network"): "=mastodon",
    ("channels/return/", "network"): "=mastodon",
    ("channels/return/", "server"): "=mastodon.example",
    ("channels/choose/", "pk"): "=1",
    ("tokens/", "pk"): "token",
    ("notifications/", "pk"): "=1",
    ("notifications/off/", "token"): "=abc-def",
    ("brands/", "slug"): "slug",
    ("admin/r/", "content_type_id"): "type_of_a_post",
    ("admin/r/", "object_id"): "post",
    ("admin/start/", "pk"): "brand",
    ("admin/", "object_id"): "row",
    ("admin/", "app_label"): "=posts",
    ("admin/", "url"): "=nothing/of/the/kind",
    ("admin/rq/", "queue_index"): "=0",
    ("admin/rq/", "scheduler_index"): "=0",
    ("admin/rq/", "connection_index"): "=0",
    ("admin/rq/", "job_id"): "=publish",
    ("admin/rq/", "result_id"): "=1",
    ("admin/rq/", "key"): "=rq:worker:gone",
    ("admin/rq/", "token"): "=token",
    ("admin/rq/", "scheduler_name"): "=scheduler",
    ("admin/rq/", "cron_job_name"): "=publish",
    ("accounts/", "key"): "=abc-def",
    ("accounts/", "uidb36"): "=1",
    ("accounts/2fa/", "pk"): "=1",
}
BY_STATE = ("post", "delivery")
_PANEL_BY_STATE = {"posts.post": "post", "posts.delivery": "delivery"}


def named(address: Address, argument: str) -> str:
    """What an argument names; a word after `=` is taken as it stands."""
    route = address.route.removeprefix(API)
    fits = [key for key in FILLINGS if key[1] == argument and route.startswith(key[0])]
    if not fits:
        raise NoFilling(f"/{address.route}: what does <{argument}> name? Say so in FILLINGS.")
    kind = FILLINGS[max(fits, key=lambda key: len(key[0]))]
    return _PANEL_BY_STATE.get(address.model, kind) if kind == "row" else kind


def objects_of(what: What) -> tuple[str, ...]:
    """What its arguments may be of: a post in each state, or another brand's; one's own or another brand's
    row. A call without such an argument is made once: posts in every state are there anyway."""
    kinds = {named(what.address, argument) for argument in what.address.arguments}
    if what.action:
        kinds.add(_PANEL_BY_STATE.get(what.address.model, "row"))
    if kinds & set(BY_STATE):
        return (*STATES, "there")
    return WHERE if any(not kind.startswith("=") for kind in kinds) else ("",)


def fill(what: What, which: str, stage: Stage) -> str:
    """The path to call, with `which` as the arguments say."""

    def value(found: re.Match[str]) -> str:
        argument = found[1] or found[2]
        return thing(named(what.address, argument), which, stage, what.address.model)

    path = _ARGUMENT.sub(value, what.address.route)
    return "/" + re.sub(r"[\^$?]|\\(?=[.])", "", path)


def thing(kind: str, which: str, stage: Stage, model: str = "") -> str:
    if kind.startswith("="):
        return kind[1:]
    if kind in BY_STATE:
        post = stage.posts[which]
        return str(post.pk if kind == "post" else delivery_of(post).pk)
    if kind == "type_of_a_post":
        return str(ContentType.objects.get_for_model(Post).pk)
    where = which if which in WHERE else "here"
    if kind == "slug":
        return str(stage.things[where, "brand"].slug)
    if kind == "sha256":
        return str(stage.things[where, "media"].sha256)
    return str(panel_row(model, where, stage) if kind == "row" else stage.things[where, kind].pk)


def panel_row(model: str, where: str, stage: Stage) -> int:
    """A row of what a list of the panel shows; 0 where the brand has none."""
    kind = next(one for one in admin.site._registry if one._meta.label_lower == model)
    if kind is User:
        return int(stage.things[where, "person"].pk)
    path = path_to_brand(kind)
    row: Model | None = row_of(kind, path, stage.things[where, "brand"]) if path else None
    return int(row.pk) if row else 0
