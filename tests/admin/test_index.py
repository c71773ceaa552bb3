"""The panel's first page: what needs a person, each with a link to exactly these rows; and the engine's pulse."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import User
from approvals import incidents
from approvals.models import Credential, CredentialState, SecondLook
from cm_queue.minding import Need
from journal.models import Entry, Notice
from journal.sealing import seal
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from publishing.models import ChannelHealth, Pulse, Retraction
from tests.admin.conftest import signed_in
from tests.staging import House, delivery_of

INDEX = reverse("admin:index")


def needs(client: Client) -> dict[str, Need]:
    """By the beginning of their words."""
    return {one.text.partition(" ")[0]: one for one in client.get(INDEX).context["needs"]}


def engine(client: Client) -> dict[str, Any]:
    return {one.name: one for one in client.get(INDEX).context["engine"]}


def shown(client: Client, need: Need) -> list[int]:
    """The rows of the list that a line leads to."""
    answer = client.get(need.url)
    assert answer.status_code == 200, need.url
    return sorted(one.pk for one in answer.context["cl"].result_list)


def test_calm_says_so(client: Client, desk: House):
    page = client.get(INDEX)
    assert page.context["needs"] == []
    assert "Nothing waits for a person now." in page.content.decode()


def test_each_line_leads_to_its_rows(client: Client, desk: House):
    posts = [desk.approved(f"Texte {n}.", slot="on_approval") for n in range(6)]
    now = database_now()

    def left(post: Post, state: DeliveryState, **more: object) -> int:
        Delivery.objects.filter(post=post).update(state=state.value, **more)
        return delivery_of(post).pk

    unknown = left(posts[0], DeliveryState.UNKNOWN, next_at=None)
    left(posts[1], DeliveryState.UNKNOWN, next_at=now)  # a machine still looks
    failed = left(posts[2], DeliveryState.FAILED)
    left(posts[3], DeliveryState.FAILED, expires_at=now - timedelta(hours=1))
    late = left(posts[4], DeliveryState.PENDING, next_at=now - timedelta(minutes=5))
    out = left(posts[5], DeliveryState.DELIVERED)
    by_hand = Retraction.objects.create(delivery_id=out, asked_by=desk.nadia, asked_at=now)
    found = client.get(INDEX).context["needs"]
    lines = {one.url: shown(client, one) for one in found}
    deliveries = reverse("admin:posts_delivery_changelist")
    assert lines == {
        f"{deliveries}?needs=word": [unknown],
        f"{deliveries}?needs=again": [failed],
        f"{deliveries}?needs=late": [late],
        reverse("admin:publishing_retraction_changelist") + "?is=by_hand": [by_hand.pk],
    }
    assert [one.count for one in found] == [1, 1, 1, 1]


def test_channels_and_stops(client: Client, desk: House, root: User):
    channel = desk.channels["journal"]
    ChannelHealth.objects.filter(channel=channel).update(ok=False, problem="away")
    held = desk.approved(slot="on_approval")
    stop = incidents.pause(desk.ines, desk.brand, {"brand": True}, "Doute.")
    before = needs(client)
    assert shown(client, before["channel"]) == [channel.pk]
    assert shown(client, before["pause"]) == [stop.pk]
    assert "post" not in before
    incidents.end_pause(desk.hugo, stop.pk)
    after = needs(client)
    assert "pause" not in after
    assert shown(client, after["post"]) == [held.pk]
    Post.objects.filter(pk=held.pk).update(state=PostState.MISSED.value)
    missed = needs(client)["post"]
    assert "missed" in missed.text
    assert shown(client, missed) == [held.pk]


def test_what_waits_for_a_second_person(client: Client, desk: House):
    made = Credential.objects.create(
        brand=desk.brand, user=desk.marc, domain="topic:legal", level=1, proposed_by=desk.nadia
    )
    look = SecondLook.objects.create(
        credential=Credential.objects.filter(user=desk.nadia)[0], post=desk.submitted()
    )
    found = needs(client)
    assert made.state == CredentialState.PROPOSED
    assert shown(client, found["credential"]) == [made.pk]
    assert shown(client, found["post"]) == [look.pk]


def test_the_engine_says_what_is_not_well(client: Client, desk: House):
    now = database_now()
    Pulse.objects.all().delete()
    quiet = engine(client)
    assert (quiet["Ticker"].well, quiet["Workers"].well) == (False, False)
    Pulse.objects.create(kind="ticker", name="t", at=now)
    Pulse.objects.create(kind="worker", name="w", at=now)
    Pulse.objects.create(kind="worker", name="dead", at=now - timedelta(minutes=5))
    alive = engine(client)
    assert (alive["Ticker"].well, alive["Workers"].well) == (True, True)
    assert alive["Workers"].text == "1 alive"


def test_sealing_and_mail_that_are_behind_are_told(client: Client, desk: House):
    hour_ago = database_now() - timedelta(hours=1)
    seal()
    assert engine(client)["Sealing of the journal"].well
    Entry.objects.create(at=hour_ago, brand=desk.brand, verb="post.create", system="test", subject="post:1")
    Notice.objects.create(user=desk.ines, brand=desk.brand, kind="post.missed", created_at=hour_ago)
    found = engine(client)
    assert (found["Sealing of the journal"].well, found["Mail"].well) == (False, False)
    assert shown(client, Need(1, "", found["Mail"].url, "")) == [Notice.objects.latest("pk").pk]


def test_staff_are_told_of_their_brands_and_lists_only(desk: House):
    Credential.objects.create(
        brand=desk.brand, user=desk.marc, domain="topic:legal", level=1, proposed_by=desk.nadia
    )
    User.objects.filter(pk=desk.ines.pk).update(is_staff=True)
    assert signed_in(desk.ines).get(INDEX).context["needs"] == []
    desk.ines.user_permissions.add(Permission.objects.get(codename="view_credential"))
    page = signed_in(desk.ines).get(INDEX)
    assert [one.count for one in page.context["needs"]] == [1]
    assert page.context["engine"] == []
    stranger = User.objects.create_user("x@example.org", None, name="X", is_staff=True)
    stranger.user_permissions.add(Permission.objects.get(codename="view_credential"))
    assert signed_in(stranger).get(INDEX).context["needs"] == []


@pytest.mark.parametrize("language", ["fr", "en"])
def test_it_makes_as_many_queries_for_thirty_rows_as_for_three(
    client: Client, desk: House, root: User, language: str
):
    User.objects.filter(pk=root.pk).update(language=language)

    def fill(number: int) -> None:
        Credential.objects.bulk_create(
            Credential(brand=desk.brand, user=desk.marc, domain=f"topic:{number}-{n}", level=1)
            for n in range(number)
        )
        Post.objects.bulk_create(
            Post(
                brand=desk.brand,
                lineage=first.lineage,
                author=desk.ines,
                state=PostState.MISSED.value,
            )
            for _n in range(number)
        )
        Pulse.objects.bulk_create(
            Pulse(kind="worker", name=f"{number}-{n}", at=database_now()) for n in range(number)
        )

    def counted() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(INDEX).status_code == 200
        return len(queries)

    first = desk.submitted()
    fill(3)
    few = counted()
    fill(30)
    assert counted() == few
    assert few <= 32
