"""The known cast with tokens, and somebody of another brand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, Brand, Membership, Scope, User
from accounts.tokens import digest_of
from cm_queue.seeding import CAST, DOMAIN, SLUG, seed_demo
from posts.models import Channel

BASE = "/api/v1"
HERE = f"{BASE}/brands/{SLUG}"


@dataclass
class Caller:
    """Somebody with a token: `inès.post("/posts/1/submit")` answers Django's response."""

    user: Any
    token: str
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        given: dict[str, Any] = {"headers": dict(headers)}
        if self.token:
            given["headers"]["Authorization"] = f"Bearer {self.token}"
        given["headers"] = {name.replace("_", "-"): value for name, value in given["headers"].items()}
        if body is not None:
            given |= {"data": body if isinstance(body, bytes | str) else json.dumps(body)}
            given["content_type"] = "application/json"
        return self.client.generic(method, path if path.startswith(BASE) else BASE + path, **given)

    def get(self, path: str, **headers: str) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.call("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.call("PATCH", path, body, **headers)

    def upload(self, file: Any, path: str = f"{HERE}/media", **headers: str) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(
            path, {"file": file}, headers={"Authorization": f"Bearer {self.token}", **named}
        )


def token_for(user: User, brand: Brand, scopes: Iterable[str] = Scope.values) -> str:
    """As `make_token` gives in the demonstration, where every scope may be had at once."""
    token = f"cmq_{user.pk}_{brand.pk}_{'-'.join(scopes)}"
    ApiToken.objects.create(
        user=user,
        brand=brand,
        digest=digest_of(token),
        scopes=list(scopes),
        expires_at=timezone.now() + timedelta(days=1),
    )
    return token


@dataclass
class Cast:
    brand: Brand
    people: dict[str, Caller]
    outsider: Caller
    nobody: Caller

    def __getattr__(self, name: str) -> Caller:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    def with_scopes(self, name: str, *scopes: str) -> Caller:
        user = self.people[name].user
        return Caller(user, token_for(user, self.brand, scopes))


@pytest.fixture
def cast(db: None) -> Cast:
    brand = seed_demo(posts=False)
    # So that a sentence about it is easily read here.
    Channel.objects.filter(brand=brand, key="demo").update(name="demo")
    people = {}
    for player in CAST:
        user = User.objects.get(email=player.email)
        people[player.key] = Caller(user, token_for(user, brand))
    other = Brand.objects.create(slug="autre-maison", name="Autre maison")
    stranger = User.objects.create_user(f"zoe@autre.{DOMAIN}", None, name="Zoé")
    Membership.objects.create(brand=other, user=stranger, is_owner=True)
    return Cast(brand, people, Caller(stranger, token_for(stranger, other)), Caller(None, ""))


def tomorrow(hours: float = 24) -> str:
    return (timezone.now() + timedelta(hours=hours)).isoformat(timespec="seconds")


def a_draft(**more: Any) -> dict[str, Any]:
    return {
        "text": "Trois gestes pour nettoyer un abat-jour.",
        "channels": ["demo"],
        "slot": tomorrow(),
        **more,
    }


Draft = Callable[..., dict[str, Any]]


@pytest.fixture
def draft(cast: Cast) -> Draft:
    """Inès writes a draft; answers what the API answers."""

    def write(by: str = "ines", **more: Any) -> dict[str, Any]:
        answer = getattr(cast, by).post(f"{HERE}/posts", a_draft(**more))
        assert answer.status_code == 201, answer.content
        return answer.json()

    return write


@pytest.fixture
def submitted(cast: Cast, draft: Draft) -> Draft:
    def submit(by: str = "ines", **more: Any) -> dict[str, Any]:
        made = draft(by, **more)
        answer = getattr(cast, by).post(f"/posts/{made['id']}/submit")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return submit


def a_word(post: dict[str, Any], decision: str = "approve", **more: str) -> dict[str, str]:
    return {"decision": decision, "digest": post["revision"]["digest"] or "", **more}


def refusal(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem of an answer, after checking that it is one."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "code", "detail", "errors"} <= set(told)
    assert (told["status"], told["code"]) == (status, code), told
    assert told["detail"]
    return told
