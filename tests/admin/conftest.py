"""The panel's people: Root runs the installation and belongs to no brand; Sam is staff without rights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from adapters.transport import build_client
from posts.models import Channel
from tests.casting import work
from tests.staging import House
from tests.staging import house as make_house


@pytest.fixture
def house(db: None) -> House:
    return make_house()


@pytest.fixture
def desk(house: House) -> House:
    """The brand with a channel, of which the network does not matter: the log."""
    house.connect("journal", "console")
    return house


@pytest.fixture
def channel(desk: House) -> Channel:
    return desk.channels["journal"]


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.org", None, name="Root", language="en")


@pytest.fixture
def sam(db: None) -> User:
    return User.objects.create_user("sam@example.org", None, name="Sam", is_staff=True, language="en")


def send_what_is_due() -> int:
    """One round of a worker, step by step in this thread."""
    with build_client(allow_private=True, user_agent="CM-Queue/tests", timeout_s=5) as through:
        return len(work(through))


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


@pytest.fixture
def client(root: User) -> Client:
    """Root's browser."""
    return signed_in(root)


Act = Callable[..., list[str]]


@pytest.fixture
def act(client: Client) -> Act:
    """Does an action of a list on rows and answers what the panel said: `act("posts_post", "hold", post)`."""

    def do(page: str, action: str, *rows: Any, by: Client | None = None, **more: str) -> list[str]:
        answer = (by or client).post(
            reverse(f"admin:{page}_changelist"),
            {"action": action, "index": "0", "_selected_action": [row.pk for row in rows], **more},
            follow=True,
        )
        assert answer.redirect_chain, "the action did nothing"
        return [str(one) for one in answer.context["messages"]]

    return do
