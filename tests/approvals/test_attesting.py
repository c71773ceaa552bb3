"""Who approved, on which expertise, for which bytes, under which rules: from one query."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.attesting import Attestation, attest
from approvals.expertise import revoke
from approvals.legislating import confirm, propose
from approvals.models import GateDecision
from posts.lifecycle import PostState
from publishing.attesting import permits_of
from tests.approvals.test_legislating import routine_by
from tests.approvals.test_replaying import release
from tests.casting import Cast, digest_of, fresh

pytestmark = pytest.mark.django_db


def told(found: Attestation | None) -> dict[str, dict[str, int]]:
    """{name: {domain: level}}"""
    assert found is not None
    return {one.name: {basis.domain: basis.level for basis in one.basis} for one in found.approvals}


def test_one_query_answers_for_a_post_that_is_out(console: Cast):
    post = console.approved(channels=["console"])
    console.say("marc", post)
    console.say("sofia", post)
    release(console, post)
    assert fresh(post).lifecycle == PostState.PUBLISHED
    with CaptureQueriesContext(connection) as queries:
        found = attest(post.pk)
    assert len(queries) == 1
    assert found is not None
    gate = GateDecision.objects.get(post=post)
    assert (found.gate_id, found.allowed_at, found.digest) == (gate.pk, gate.at, digest_of(post))
    assert (found.policy_number, found.preset) == (1, "team")
    # Sofia's word was advisory: it is no part of what it rests on.
    assert told(found) == {
        "Nadia": {"craft": 3, "channel:console": 3, "company": 3},
        "Marc": {"craft": 2, "channel:console": 2},
    }
    nadia = next(one for one in found.approvals if one.name == "Nadia")
    assert nadia.digest == found.digest
    assert nadia.revision == 1
    assert {basis.granted_by for basis in nadia.basis} == {("Olga",)}
    assert all(basis.founding for basis in nadia.basis)


def test_each_delivery_has_its_permit(console: Cast):
    post = console.approved(channels=["console"])
    release(console, post)
    (permit,) = permits_of(post.pk)
    assert permit.digest == digest_of(post)
    assert permit.gate_decision_id == GateDecision.objects.get(post=post).pk
    assert permit.delivery.channel.key == "console"


def test_it_stays_what_it_was_whatever_happens_afterwards(console: Cast):
    post = console.approved(channels=["console"])
    release(console, post)
    before = attest(post.pk)
    revoke(console.olga, console.credentials("nadia", "craft").get().pk, "Elle ne relit plus.")
    confirm(console.hugo, propose(console.olga, console.brand, routine_by(2), "Deux.").pk)
    after = attest(post.pk)
    assert told(after) == told(before)
    assert after is not None
    assert after.policy_number == 1
    craft = next(one for one in after.approvals[0].basis if one.domain == "craft")
    assert craft.ended_at is not None, "and it is said that it was taken back since"


def test_before_the_release_it_says_what_it_rests_on_now(console: Cast):
    post = console.submitted(channels=["console"])
    assert told(attest(post.pk)) == {}
    console.say("marc", post)
    console.say("sofia", post)
    found = attest(post.pk)
    assert told(found) == {"Marc": {"craft": 2, "channel:console": 2}}
    assert found is not None
    assert (found.gate_id, found.allowed_at, found.policy_number) == (None, None, 1)
    console.say("marc", post, "withdraw")
    assert told(attest(post.pk)) == {}


def test_other_bytes_rest_on_nothing(console: Cast):
    post = console.approved(channels=["console"])
    console.edit("ines", post, text="Tout autre chose.")
    found = attest(post.pk)
    assert told(found) == {}
    assert found is not None
    assert found.digest == digest_of(post)


def test_in_a_duo_the_writer_s_own_expertise_is_told_as_that(console: Cast):
    console.adopt("duo")
    post = console.submitted(author=console.nadia, channels=["console"])
    console.say("ines", post)
    assert fresh(post).lifecycle == PostState.SCHEDULED
    release(console, post)
    found = attest(post.pk)
    assert found is not None
    by_name: dict[str, Any] = {one.name: one for one in found.approvals}
    assert by_name["Nadia"].decision_id is None
    assert {basis.domain for basis in by_name["Nadia"].basis} == {"craft", "channel:console", "company"}
    assert by_name["Inès"].decision_id is not None
    assert found.preset == "duo"


def test_two_posts_of_one_lineage_do_not_mix(console: Cast):
    from django.db import transaction

    from posts.drafting import clone

    post = console.approved(channels=["console"])
    with transaction.atomic():
        copy = clone(console.ines, fresh(post))
    assert told(attest(copy.pk)) == {}
    assert set(told(attest(post.pk))) == {"Nadia"}


def test_no_such_post():
    assert attest(10**9) is None


def test_the_moment_it_was_given_counts(console: Cast):
    """Expertise granted afterwards is no ground of a word that was given before."""
    post = console.submitted(channels=["console"])
    console.say("nadia", post)
    console.grant("nadia", "crisis", 3)
    assert "crisis" not in told(attest(post.pk))["Nadia"]
