"""What nobody can do through the admin panel, whoever they are (gate.md, case 28)."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db import connection
from django.test import Client
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from accounts.refusals import Refused
from approvals import incidents, reviewing, steering
from approvals.models import Decision
from journal import triggers
from journal.models import Entry
from posts.lifecycle import PostState
from posts.models import Post
from tests.admin.conftest import Act
from tests.staging import House, delivery_of, digest_of, fresh, house

REGISTERED = sorted(admin.site._registry.items(), key=lambda pair: pair[0]._meta.label)
FORMS = {"accounts.Brand", "accounts.User"}
ADDED = {"accounts.Brand", "accounts.Membership"}


@pytest.fixture
def post(desk: House) -> Post:
    return desk.submitted(slot="on_approval")


def test_a_superuser_approves_for_nobody(client: Client, act: Act, post: Post, root: User, desk: House):
    with pytest.raises(NoReverseMatch):
        reverse("admin:approvals_decision_approve")
    place = reverse("admin:approvals_decision_add")
    given = {"post": post.pk, "revision": post.revision_id, "user": desk.nadia.pk, "decision": "approve"}
    assert client.post(place, {**given, "digest": digest_of(post), "epoch": 0}).status_code == 403
    with pytest.raises(Refused):
        reviewing.decide(root, post.pk, reviewing.Word("approve", digest_of(post), ""))
    assert not Decision.objects.exists()


@pytest.mark.parametrize("action", ["release", "resume", "approve", "publish", "withdraw", "delete_selected"])
def test_no_action_lets_a_post_go(client: Client, desk: House, action: str):
    post = desk.approved(slot="on_approval")
    steering.hold(desk.ines, post.pk)
    before = Entry.objects.count()
    client.post(
        reverse("admin:posts_post_changelist"),
        {"action": action, "index": "0", "_selected_action": [post.pk], "post": "yes"},
    )
    assert fresh(post).lifecycle == PostState.HELD
    assert Entry.objects.count() == before


def test_a_superuser_who_is_no_member_may_stop_and_nothing_else(desk: House, root: User):
    post = desk.approved(slot="on_approval")
    for verb in (
        lambda: steering.release(root, post.pk),
        lambda: steering.withdraw(root, post.pk),
        lambda: steering.reschedule(root, post.pk, "on_approval"),
        lambda: reviewing.revise(root, post.pk, {"text": "Autre chose."}),
        lambda: incidents.declare(root, desk.brand, {"brand": True}, "Bad buzz."),
    ):
        with pytest.raises(Refused):
            verb()
    assert fresh(post).lifecycle == PostState.SCHEDULED
    pause = incidents.pause(root, desk.brand, {"brand": True}, "Everything waits.")
    assert fresh(post).lifecycle == PostState.HELD
    with pytest.raises(Refused):
        incidents.end_pause(root, pause.pk)
    with pytest.raises(Refused):
        steering.resume(root, post.pk)


def test_a_member_without_qualification_stops_no_other_brand(desk: House):
    stranger = house("atelier-nord").ines
    post = desk.submitted()
    with pytest.raises(Refused):
        steering.hold(stranger, post.pk)
    with pytest.raises(Refused):
        incidents.pause(stranger, desk.brand, {"brand": True})


@pytest.mark.parametrize(
    "field", ["state", "version", "slot_0", "released_by", "held_by", "revision", "author", "kind"]
)
def test_a_posts_columns_are_in_no_form(client: Client, post: Post, field: str):
    page = reverse("admin:posts_post_change", args=[post.pk])
    before = Post.objects.filter(pk=post.pk).values().get()
    assert client.post(page, {field: "published"}).status_code == 403
    assert Post.objects.filter(pk=post.pk).values().get() == before


def test_a_deliverys_bytes_are_in_no_form(client: Client, post: Post):
    delivery = delivery_of(post)
    page = reverse("admin:posts_delivery_change", args=[delivery.pk])
    before = type(delivery).objects.filter(pk=delivery.pk).values().get()
    given = {"state": "DELIVERED", "payload": "{}", "sealed_digest": "a" * 64, "approved_digest": "a" * 64}
    assert client.post(page, given).status_code == 403
    assert type(delivery).objects.filter(pk=delivery.pk).values().get() == before


def test_the_journal_is_read_and_never_written(client: Client, post: Post):
    entry = Entry.objects.filter(post_id=post.pk).latest("pk")
    listing = reverse("admin:journal_entry_changelist")
    assert "submitted for review" in client.get(listing).content.decode()
    page = reverse("admin:journal_entry_change", args=[entry.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"verb": "post.forged", "data": "{}"}).status_code == 403
    assert client.post(reverse("admin:journal_entry_add"), {"verb": "post.forged"}).status_code == 403
    assert (
        client.post(reverse("admin:journal_entry_delete", args=[entry.pk]), {"post": "yes"}).status_code
        == 403
    )
    assert Entry.objects.get(pk=entry.pk).verb == entry.verb
    assert triggers.missing(connection) == []


def test_the_journal_is_filtered(client: Client, desk: House, post: Post):
    listing = reverse("admin:journal_entry_changelist")

    def verbs(**query: str) -> set[str]:
        return {entry.verb for entry in client.get(listing, query).context["cl"].result_list}

    assert {verb.partition(".")[0] for verb in verbs(about="post")} == {"post"}
    assert verbs(q=f"post:{post.pk}") >= {"post.create", "post.submit"}
    assert verbs(q="Olga") == {"credential.found"}
    assert verbs(subject__exact=f"post:{post.pk}") >= {"post.create"}


def test_a_rows_history_is_our_journal(client: Client, post: Post):
    answer = client.get(reverse("admin:posts_post_history", args=[post.pk]))
    assert answer["Location"].endswith(f"?subject__exact=post%3A{post.pk}")


@pytest.mark.parametrize(("model", "page"), REGISTERED, ids=lambda one: getattr(one, "__name__", ""))
def test_nothing_is_deleted_and_little_is_added(
    model: type, page: ModelAdmin[Any], client: Client, desk: House
):
    name = f"{model._meta.app_label}_{model._meta.model_name}"  # type: ignore[attr-defined]
    label = model._meta.label  # type: ignore[attr-defined]
    row = model.objects.first()  # type: ignore[attr-defined]
    pk = row.pk if row else 1
    if row:
        assert client.post(reverse(f"admin:{name}_delete", args=[pk]), {"post": "yes"}).status_code == 403
        assert model.objects.filter(pk=pk).exists()  # type: ignore[attr-defined]
        if label not in FORMS:
            assert client.post(reverse(f"admin:{name}_change", args=[pk]), {}).status_code == 403
    if label not in ADDED:
        assert client.post(reverse(f"admin:{name}_add"), {}).status_code == 403
    assert "delete_selected" not in (page.actions or ())
    assert 'value="delete_selected"' not in client.get(reverse(f"admin:{name}_changelist")).content.decode()


def test_nothing_is_registered_that_we_did_not_write():
    assert {model._meta.app_label for model, _page in REGISTERED} == {
        "accounts",
        "approvals",
        "journal",
        "posts",
        "publishing",
    }
