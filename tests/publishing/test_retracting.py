"""Taking back what is out: by the qualified, paced, and listed where it cannot be done."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.refusals import Forbidden, Refused
from approvals.incidents import declare
from posts.lifecycle import DeliveryState, PostState
from publishing.models import Retraction
from publishing.retracting import progress, propose_bulk, retract, retractions_of, work_retractions
from tests.contract.stand_ins.faulty_front import Fault
from tests.staging import House, delivery_of, fresh, states_of

pytestmark = pytest.mark.django_db
S, P = DeliveryState, PostState


def test_what_is_out_is_taken_back_by_somebody_of_the_craft(
    lumiere: House, network: Any, release: Any
) -> None:
    post = lumiere.approved("À reprendre.")
    release()
    assert network.texts() == ["À reprendre."]
    retract(lumiere.marc, post.pk)
    assert states_of(post) == {"demo": S.RETRACTING.value}
    assert work_retractions() == 1
    assert network.texts() == []
    assert (fresh(post).lifecycle, states_of(post)) == (P.RETRACTED, {"demo": S.RETRACTED.value})
    assert work_retractions() == 0


def test_an_intern_does_not_take_anything_back(lumiere: House, network: Any, release: Any) -> None:
    post = lumiere.approved()
    release()
    with pytest.raises(Forbidden):
        retract(lumiere.ines, post.pk)
    assert len(network.texts()) == 1


def test_nothing_out_is_nothing_to_take_back(lumiere: House) -> None:
    with pytest.raises(Refused) as refusal:
        retract(lumiere.nadia, lumiere.submitted().pk)
    assert refusal.value.code == "nothing_out"


def test_a_network_that_answers_badly_is_asked_again_and_then_listed(
    lumiere: House, network: Any, release: Any
) -> None:
    post = lumiere.approved()
    release()
    retract(lumiere.nadia, post.pk)
    gone = f"/api/posts/{delivery_of(post).remote_id}"
    network.front.arm("DELETE", gone, Fault(503), times=2)
    work_retractions()
    row = Retraction.objects.get()
    assert (row.tries, row.done_at) == (1, None)
    Retraction.objects.update(tries=7, next_at=row.asked_at)
    work_retractions()
    found = progress(retractions_of(post))
    assert (found.asked, found.gone, found.to_do, len(found.by_hand)) == (1, 0, 0, 1)
    assert states_of(post) == {"demo": S.DELIVERED.value}


def test_what_cannot_be_deleted_is_listed_for_a_person(lumiere: House, release: Any) -> None:
    lumiere.connect("log", "console")
    post = lumiere.approved(channels=["log"])
    release()
    (row,) = retract(lumiere.nadia, post.pk)
    assert row.next_at is None
    assert row.problem
    assert delivery_of(post).lifecycle is S.DELIVERED


def test_a_bulk_takes_two_people_and_one_of_them_of_crisis(
    lumiere: House, network: Any, release: Any
) -> None:
    for text in ("Un.", "Deux."):
        lumiere.approved(text)
    release()
    incident = declare(lumiere.victor, lumiere.brand, {"brand": True}, "Un pied brûlant.")
    propose_bulk(lumiere.marc, incident.pk)
    assert not Retraction.objects.exists()
    with pytest.raises(Forbidden) as same:
        propose_bulk(lumiere.marc, incident.pk)
    assert same.value.code == "second_person"
    with pytest.raises(Forbidden) as without_crisis:
        propose_bulk(lumiere.nadia, incident.pk)
    assert without_crisis.value.code == "not_qualified"
    propose_bulk(lumiere.victor, incident.pk)
    assert Retraction.objects.filter(incident=incident).count() == 2
    assert work_retractions() == 2
    assert network.texts() == []
