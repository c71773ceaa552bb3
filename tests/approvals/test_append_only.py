"""The database says it too: what was decided is neither changed nor removed, whoever asks it in SQL."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts.clock import database_now
from approvals.incidents import declare, lift
from approvals.legislating import acknowledge, confirm, propose
from approvals.models import Decision, GateDecision, Override, Policy
from approvals.policy import TEAM
from approvals.ruling import in_force
from journal import triggers
from posts.models import Delivery
from publishing.claiming import claim
from publishing.models import Permit
from tests.approvals.test_replaying import release
from tests.casting import Cast, fresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def lived(cast: Cast) -> Cast:
    """A brand with a row in each table of what was decided."""
    cast.channel("console")
    out = cast.approved(channels=["console"])
    release(cast, out)
    vetoed = cast.submitted("Une promesse.")
    objection = cast.say("nadia", vetoed, "reject")
    Override.objects.create(
        decision=objection, user=cast.hugo, domain="craft", reason="C’est vrai.", at=database_now()
    )
    incident = declare(cast.victor, cast.brand, {"brand": True}, "Une lampe a pris feu.")
    lift(cast.victor, incident.pk)
    policy = in_force(cast.brand.pk).policy
    assert policy is not None
    acknowledge(cast.olga, policy.pk, "crisis", ["crisis"])
    return cast


def refused(statement: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


APPEND_ONLY = {
    "approvals_decision": "decision = 'approve'",
    "approvals_override": "reason = 'x'",
    "approvals_epoch": "number = 99",
    "approvals_lifting": "reason = 'x'",
    "approvals_gatedecision": "allowed = NOT allowed",
    "approvals_acknowledgement": "kind = 'routine'",
    "posts_contribution": "user_id = user_id + 1",
}


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_neither_updated_nor_deleted_nor_replaced(lived: Cast, table: str):
    model = next(one for one in apps.get_models() if one._meta.db_table == table)
    before = list(model._base_manager.order_by("pk").values())
    assert before, "there must be something to keep"
    refused(f"UPDATE {table} SET {APPEND_ONLY[table]}")
    refused(f"DELETE FROM {table}")
    refused(f"DELETE FROM {table} WHERE id = (SELECT max(id) FROM {table})")
    if connection.vendor == "sqlite":
        refused(f"REPLACE INTO {table} SELECT * FROM {table}")
    assert list(model._base_manager.order_by("pk").values()) == before


@pytest.mark.parametrize("table", [*APPEND_ONLY, "approvals_policy", "publishing_permit"])
def test_not_truncated_on_postgresql(lived: Cast, table: str):
    if connection.vendor != "postgresql":
        pytest.skip("a statement of PostgreSQL's")
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    refused(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize(
    "change",
    ["rules = '{}'", "number = 99", "reason = 'x'", "proposed_by_id = NULL", "confirmed_at = NULL"],
)
def test_a_version_of_the_rules_says_what_it_said(lived: Cast, change: str):
    refused(f"UPDATE approvals_policy SET {change}")
    refused("DELETE FROM approvals_policy")


def test_its_state_moves_on_all_the_same(lived: Cast):
    made = propose(lived.olga, lived.brand, TEAM, "La même.")
    assert confirm(lived.nadia, made.pk).confirmed_by == lived.nadia
    refused(f"UPDATE approvals_policy SET confirmed_by_id = {lived.hugo.pk} WHERE id = {made.pk}")


def test_one_version_in_force(lived: Cast):
    made = propose(lived.olga, lived.brand, TEAM, "La même.")
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.filter(pk=made.pk).update(state="ACTIVE", confirmed_at=database_now())


@pytest.mark.parametrize(
    "change", ["spent_at = NULL", "digest = 'x'", "delivery_id = delivery_id + 1", "token = token + 1"]
)
def test_a_permit_is_spent_once_and_for_these_bytes(lived: Cast, change: str):
    assert Permit.objects.get().spent_at is not None
    refused(f"UPDATE publishing_permit SET {change}")
    refused("DELETE FROM publishing_permit")
    again = (database_now() + timedelta(minutes=1)).isoformat()
    refused(f"UPDATE publishing_permit SET spent_at = '{again}'")


def test_what_is_sent_is_what_was_approved(cast: Cast):
    """The CHECK of deliveries: no state beyond waiting without approved bytes, and exactly these."""
    cast.channel("console")
    post = cast.approved(channels=["console"])
    row = Delivery.objects.get(post=post)
    for change in (
        "state = 'CLAIMED', lease_until = due_at, approved_digest = 'x'",
        "state = 'SENDING', lease_until = due_at, approved_digest = NULL",
        "state = 'DELIVERED', approved_digest = NULL",
        "state = 'DELIVERED', sealed_digest = 'x'",
        "state = 'CLAIMED', lease_until = NULL",
        "state = 'LOST'",
    ):
        refused(f"UPDATE posts_delivery SET {change} WHERE id = {row.pk}")


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (Override, {"reason": ""}),
        (Decision, {"decision": "reject", "comment": ""}),
        (Decision, {"decision": "shrug", "comment": "x"}),
    ],
)
def test_who_overrides_or_objects_says_why(lived: Cast, model: Any, fields: dict[str, Any]):
    row = model.objects.order_by("pk").last()
    copy = {field.attname: getattr(row, field.attname) for field in model._meta.fields if field.name != "id"}
    if model is Override:
        copy["domain"] = "company"
    with pytest.raises(IntegrityError), transaction.atomic():
        model.objects.create(**{**copy, **fields})


def test_everything_that_was_decided_is_guarded(db: None):
    guarded = set(triggers.tables())
    assert {*APPEND_ONLY, "approvals_policy", "publishing_permit", "journal_entry", "journal_seal"} <= guarded
    assert triggers.missing(connection) == []


def test_a_gate_decision_made_now_is_kept(cast: Cast):
    cast.channel("console")
    post = cast.approved(channels=["console"])
    release(cast, post)
    assert claim("worker", 10) == []
    assert fresh(post).deliveries.count() == 1
    refused(f"UPDATE approvals_gatedecision SET allowed = NOT allowed WHERE post_id = {post.pk}")
    assert GateDecision.objects.get(post=post).allowed


@pytest.mark.django_db(transaction=True)
def test_a_migration_puts_them_back():
    triggers.remove(connection)
    assert triggers.missing(connection)
    call_command("migrate", verbosity=0)
    assert triggers.missing(connection) == []
