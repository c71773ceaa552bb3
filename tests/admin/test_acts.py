"""What is done from the panel as oneself: settling, trying again, revoking, deciding. The verbs' rules hold."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import User
from approvals import incidents
from approvals.models import Credential, CredentialState, Decision
from journal.models import Entry
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from tests.admin.conftest import Act, send_what_is_due, signed_in
from tests.staging import House, age, delivery_of, digest_of, fresh, house


def staff(*people: User, **more: bool) -> None:
    User.objects.filter(pk__in=[one.pk for one in people]).update(is_staff=True, is_superuser=True, **more)


def said(answer: object) -> list[str]:
    return [str(one) for one in answer.context["messages"]]  # type: ignore[attr-defined]


def set_state(post: Post, state: DeliveryState, post_state: PostState, **fields: object) -> Delivery:
    """As the release engine leaves it; what it takes to get there is tested in tests/publishing."""
    Delivery.objects.filter(post=post).update(state=state.value, lease_until=None, **fields)
    Post.objects.filter(pk=post.pk).update(state=post_state.value)
    return delivery_of(post)


@pytest.fixture
def unknown(desk: House) -> Delivery:
    post = desk.approved(slot="on_approval")
    return set_state(post, DeliveryState.UNKNOWN, PostState.UNKNOWN, next_at=None)


@pytest.fixture
def failed(desk: House) -> Delivery:
    post = desk.approved(slot="on_approval")
    return set_state(post, DeliveryState.FAILED, PostState.FAILED)


# --- Settling ---------------------------------------------------------------------------------------
def settle_page(delivery: Delivery) -> str:
    return reverse("admin:posts_delivery_settle", args=[delivery.pk])


def test_an_unknown_delivery_is_settled_with_its_address(
    client: Client, act: Act, desk: House, unknown: Delivery
):
    staff(desk.nadia)
    nadia = signed_in(desk.nadia)
    listing = reverse("admin:posts_delivery_changelist")
    one = {"action": "settle", "index": "0", "_selected_action": [unknown.pk]}
    assert nadia.post(listing, one)["Location"] == settle_page(unknown)
    page = nadia.get(settle_page(unknown)).content.decode()
    assert "Trois gestes" in page
    given = {"went_out": "yes", "url": "https://social.example/@maison/1"}
    assert nadia.post(settle_page(unknown), given).status_code == 302
    unknown.refresh_from_db()
    assert (unknown.lifecycle, unknown.url) == (DeliveryState.DELIVERED, given["url"])
    assert Entry.objects.get(verb="delivery.settle").actor == desk.nadia
    again = nadia.post(settle_page(unknown), given)
    assert again.status_code == 422
    assert "already known" in again.content.decode()


def test_what_is_not_out_is_due_again_and_the_gate_is_asked(desk: House, unknown: Delivery):
    staff(desk.ines)
    ines = signed_in(desk.ines)
    assert ines.post(settle_page(unknown), {"went_out": "no"}).status_code == 302
    unknown.refresh_from_db()
    assert unknown.lifecycle == DeliveryState.PENDING
    incidents.declare(desk.nadia, desk.brand, {"brand": True}, "Bad buzz.")
    assert send_what_is_due() == 0
    unknown.refresh_from_db()
    assert unknown.lifecycle == DeliveryState.HELD


def test_what_is_wrong_is_said_and_what_was_typed_kept(client: Client, desk: House, unknown: Delivery):
    staff(desk.nadia)
    nadia = signed_in(desk.nadia)
    empty = nadia.post(settle_page(unknown), {})
    assert empty.status_code == 422
    wrong = nadia.post(settle_page(unknown), {"went_out": "yes", "url": "not an address"})
    assert wrong.status_code == 422
    assert "not an address" in wrong.content.decode()
    # Whoever runs the place and is no member of the brand does not know what went out.
    refused = client.post(settle_page(unknown), {"went_out": "yes"})
    assert refused.status_code == 422
    assert "not a member" in refused.content.decode()
    unknown.refresh_from_db()
    assert unknown.lifecycle == DeliveryState.UNKNOWN


def test_several_are_not_settled_at_once(act: Act, desk: House, unknown: Delivery, failed: Delivery):
    assert "Choose one" in act("posts_delivery", "settle", unknown, failed)[0]


# --- Trying again -----------------------------------------------------------------------------------
def test_a_refused_delivery_is_tried_again_by_somebody_qualified(act: Act, desk: House, failed: Delivery):
    staff(desk.nadia)
    assert "due again" in act("posts_delivery", "retry", failed, by=signed_in(desk.nadia))[0]
    assert delivery_of(failed.post).lifecycle == DeliveryState.PENDING
    assert fresh(failed.post).lifecycle == PostState.SCHEDULED
    entry = Entry.objects.get(verb="delivery.retry")
    assert (entry.actor, entry.post_id) == (desk.nadia, failed.post_id)
    assert send_what_is_due() == 1
    assert delivery_of(failed.post).lifecycle == DeliveryState.DELIVERED


def test_nobody_unqualified_has_it_tried_again(act: Act, desk: House, failed: Delivery):
    staff(desk.ines, desk.olga)
    assert "takes expertise" in act("posts_delivery", "retry", failed, by=signed_in(desk.ines))[0]
    assert "takes expertise" in act("posts_delivery", "retry", failed, by=signed_in(desk.olga))[0]
    assert "no such post" in act("posts_delivery", "retry", failed)[0]
    assert delivery_of(failed.post).lifecycle == DeliveryState.FAILED


def test_the_gate_is_asked_before_it_is_tried_again(act: Act, desk: House, failed: Delivery):
    staff(desk.hugo)
    hugo = signed_in(desk.hugo)
    Credential.objects.filter(user=desk.nadia, domain="craft").update(
        state=CredentialState.SUSPENDED, ended_at=database_now() - timedelta(days=1)
    )
    assert "approval" in act("posts_delivery", "retry", failed, by=hugo)[0]
    assert delivery_of(failed.post).lifecycle == DeliveryState.FAILED
    assert not Entry.objects.filter(verb="delivery.retry").exists()


def test_its_time_may_have_passed(act: Act, desk: House, failed: Delivery):
    staff(desk.nadia)
    age(failed.post, timedelta(days=3))
    assert "has passed" in act("posts_delivery", "retry", failed, by=signed_in(desk.nadia))[0]


def test_only_what_was_refused_is_tried_again(act: Act, desk: House, unknown: Delivery):
    staff(desk.nadia)
    assert (
        "Only what the network refused"
        in act("posts_delivery", "retry", unknown, by=signed_in(desk.nadia))[0]
    )
    assert delivery_of(unknown.post).lifecycle == DeliveryState.UNKNOWN


# --- Revoking ---------------------------------------------------------------------------------------
def held_by(person: User, domain: str = "craft") -> Credential:
    return Credential.objects.get(user=person, domain=domain)


def revoking(*rows: Credential, **more: str) -> dict[str, object]:
    return {"action": "revoke", "index": "0", "_selected_action": [row.pk for row in rows], **more}


CREDENTIALS = reverse("admin:approvals_credential_changelist")


def test_a_credential_is_revoked_from_a_date_for_a_cause(desk: House):
    staff(desk.olga)
    olga, held = signed_in(desk.olga), held_by(desk.marc)
    page = olga.post(CREDENTIALS, revoking(held))
    assert page.status_code == 200
    assert str(held) in page.content.decode()
    empty = olga.post(CREDENTIALS, revoking(held, cause="", since=""))
    assert empty.status_code == 422
    future = olga.post(CREDENTIALS, revoking(held, cause="Faux.", since="2099-01-01T10:00"))
    assert (future.status_code, "Faux." in future.content.decode()) == (422, True)
    held.refresh_from_db()
    assert held.state == CredentialState.ACTIVE
    done = olga.post(CREDENTIALS, revoking(held, cause="Sources inventées.", since="2026-01-02T10:00"))
    assert done.status_code == 302
    held.refresh_from_db()
    assert (held.state, held.end_cause) == (CredentialState.REVOKED, "Sources inventées.")
    assert held.ended_at is not None
    assert held.ended_at.date().isoformat() == "2026-01-02"
    entry = Entry.objects.get(verb="credential.revoke")
    assert (entry.actor, entry.personal.text) == (desk.olga, "Sources inventées.")


def test_running_the_place_revokes_nothing_in_a_brand_one_does_not_belong_to(client: Client, desk: House):
    held = held_by(desk.marc)
    answer = client.post(CREDENTIALS, revoking(held, cause="Parce que."), follow=True)
    assert "not a member" in said(answer)[0]
    held.refresh_from_db()
    assert held.state == CredentialState.ACTIVE


def test_what_rested_on_it_is_held(desk: House):
    staff(desk.olga)
    post = desk.approved(slot="on_approval")
    signed_in(desk.olga).post(CREDENTIALS, revoking(held_by(desk.nadia), cause="Faux."))
    assert fresh(post).lifecycle == PostState.HELD


# --- Deciding ---------------------------------------------------------------------------------------
def decide_page(post: Post) -> str:
    return reverse("admin:posts_post_decide", args=[post.pk])


def word(post: Post, decision: str, **more: str) -> dict[str, str]:
    return {"decision": decision, "digest": digest_of(post), "motive": "", "comment": "", **more}


def test_somebody_qualified_approves_as_themselves(desk: House):
    staff(desk.nadia)
    nadia, post = signed_in(desk.nadia), desk.submitted(slot="on_approval")
    page = nadia.get(decide_page(post)).content.decode()
    assert "Trois gestes" in page
    answer = nadia.post(decide_page(post), word(post, "approve", comment="Très bien."), follow=True)
    assert "scheduled" in said(answer)[0]
    made = Decision.objects.get()
    assert (made.user, made.comment, bool(made.rests_on)) == (desk.nadia, "Très bien.", True)


@pytest.mark.parametrize("decision", ["request_changes", "reject"])
def test_an_objection_takes_a_reason_of_the_trade_and_a_sentence(desk: House, decision: str):
    staff(desk.nadia)
    nadia, post = signed_in(desk.nadia), desk.submitted(slot="on_approval")
    bare = nadia.post(decide_page(post), word(post, decision))
    assert bare.status_code == 422
    assert {"motive", "comment"} <= bare.context["form"].errors.keys()
    assert not Decision.objects.exists()
    given = word(post, decision, motive="facts", comment="La source manque.")
    assert nadia.post(decide_page(post), given).status_code == 302
    made = Decision.objects.get()
    assert (made.decision, made.motive, made.comment) == (decision, "facts", "La source manque.")


def test_a_superuser_without_expertise_opens_nothing(client: Client, desk: House):
    staff(desk.olga, desk.ines)
    post = desk.submitted(slot="on_approval")
    outsider = client.post(decide_page(post), word(post, "approve"))
    assert (outsider.status_code, "not a member" in outsider.content.decode()) == (403, True)
    author = signed_in(desk.ines).post(decide_page(post), word(post, "approve"))
    assert author.status_code == 403
    assert not Decision.objects.exists()
    advice = signed_in(desk.olga).post(decide_page(post), word(post, "approve"), follow=True)
    assert "as advice" in said(advice)[0]
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    assert send_what_is_due() == 0


def test_a_decision_on_other_bytes_is_refused_and_comes_back(desk: House):
    staff(desk.nadia)
    nadia, post = signed_in(desk.nadia), desk.submitted(slot="on_approval")
    old = word(post, "approve", comment="Bien vu.") | {"digest": "0" * 64}
    answer = nadia.post(decide_page(post), old)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "changed after you opened it" in page
    assert "Bien vu." in page
    assert digest_of(post) in page
    assert not Decision.objects.exists()


def test_another_brands_post_is_not_there(desk: House):
    elsewhere = house("atelier-nord")
    elsewhere.connect("journal", "console")
    theirs = elsewhere.submitted("Ailleurs.")
    User.objects.filter(pk=desk.nadia.pk).update(is_staff=True)
    desk.nadia.user_permissions.add(*Permission.objects.filter(codename__in=["view_post", "view_delivery"]))
    nadia = signed_in(desk.nadia)
    assert nadia.get(decide_page(theirs)).status_code == 404
    assert nadia.post(decide_page(theirs), word(theirs, "approve")).status_code == 404
    assert nadia.get(settle_page(delivery_of(theirs))).status_code == 404


# --- From a row's own page ---------------------------------------------------------------------------
def test_a_rows_page_offers_what_makes_sense_and_comes_back_to_it(desk: House, failed: Delivery):
    staff(desk.nadia)
    nadia = signed_in(desk.nadia)
    place = reverse("admin:posts_delivery_change", args=[failed.pk])
    page = nadia.get(place)
    assert [name for name, _words in page.context["offers"]] == ["retry"]
    one = {"action": "retry", "index": "0", "_selected_action": failed.pk, "from_page": "1"}
    assert nadia.post(reverse("admin:posts_delivery_changelist"), one)["Location"] == place
    channel = reverse("admin:posts_channel_change", args=[failed.channel_id])
    assert 'value="pause"' in nadia.get(channel).content.decode()
