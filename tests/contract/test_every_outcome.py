"""Once, and what follows: lost answers, the same again, taking away, correcting and looking, for every network.

The sweeps put one fault at each request of an act in turn, wherever a network makes its requests, and then do
what `publishing/` does: nothing may be doubled, and nothing claimed that did not happen.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Content,
    Duplicate,
    NotFound,
    Payload,
    Receipt,
)
from tests.contract.discovering import where
from tests.contract.farside import Far, a_moment_ago, image, permit_for, unique
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.test_every_network import new_key

pytestmark = [pytest.mark.contract, pytest.mark.pure]

PAGE = b"<!doctype html><title>Bad Gateway</title>"
LOST = {
    "accepted, answer lost": Fault(cut="after accepting"),
    "accepted, answer cut": Fault(cut="in the answer"),
    "never arrived": Fault(cut="after reading"),
}
TROUBLE = {**LOST, "429": Fault(429, PAGE), "500": Fault(500, PAGE), "503": Fault(503, PAGE)}
SENDING = {**TROUBLE, "no sense": Fault(200, b"{}"), "no JSON": Fault(200, PAGE)}


def everything(far: Far, text: str) -> Content:
    """A post that makes all the requests there are: a picture, and a second part where there are threads."""
    thread = (f"Suite de {text}",) if far.kind.capabilities.threads else ()
    return far.content(text, (image(),), thread=thread)


def requests_of(far: Far, act: Callable[[], Any]) -> int:
    before = len(far.front.seen)
    act()
    return len(far.front.seen) - before


# --- Once, and only once --------------------------------------------------------------------------
@pytest.mark.parametrize("media", [(), (image(),)], ids=["text", "with a picture"])
@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_after_a_lost_answer_it_is_found_or_sent_again_or_a_person_is_asked(
    each: Far, fault: Fault, media: tuple[Any, ...]
):
    text, key, begun = (
        unique("Une lampe https://maison-lumiere.example/aurore?a=1&b=2"),
        new_key(),
        a_moment_ago(),
    )
    content = each.content(text, media)
    path = each.upload if media and each.publishing_upload else each.create
    each.front.arm(each.method, path, fault)
    with pytest.raises(Ambiguous):
        each.publish(content, key, begun)
    out = 0 if fault.cut == "after reading" else 1
    assert each.count(text[-32:]) == out
    found = each.look(content, key, begun)
    assert each.look(content, key, begun) == found
    if not each.kind.capabilities.reconcilable:
        assert isinstance(found, CannotTell)
        assert not found.again
        return
    assert isinstance(found, Receipt if out else NotFound)
    # Looking made nothing.
    assert each.count(text[-32:]) == out
    if isinstance(found, NotFound):
        found = each.publish(content, key, begun)
    assert each.look(content, key, begun) == found
    assert each.count(text[-32:]) == 1
    if each.kind.capabilities.delete:
        each.adapter().retract(found)
        assert each.count(text[-32:]) == 0


@where(lambda can: can.reconcilable)
def test_the_same_again_makes_nothing_new(each: Far):
    text, key, begun = unique(), new_key(), a_moment_ago()
    content = each.content(text)
    first = each.publish(content, key, begun)
    try:
        assert each.publish(content, key, begun) == first
    except Duplicate:
        assert each.look(content, key, begun) == first
    assert each.count(text) == 1


@where(lambda can: can.reconcilable)
def test_what_was_never_sent_is_never_found(each: Far):
    text, key = unique(), new_key()
    each.publish(each.content(text), key)
    assert each.look(each.content(unique()), new_key(), a_moment_ago()) == NotFound()
    # The same words, of a send that began only afterwards.
    later = datetime.now(UTC) + timedelta(seconds=60)
    assert each.look(each.content(text), new_key(), later) == NotFound()
    assert each.count(text) == 1


@where(lambda can: can.reconcilable)
def test_looking_that_fails_says_so_and_whether_to_look_again(each: Far):
    content, key, begun = each.content(unique()), new_key(), a_moment_ago()
    each.publish(content, key, begun)
    faults = [(fault, True) for fault in TROUBLE.values()]
    faults += [
        (Fault(200, b"<html>"), True),
        (Fault(401, each.error(401, "no")), each.kind.capabilities.renews),
    ]
    before = len(each.front.seen)
    assert isinstance(each.look(content, key, begun), Receipt)
    for place in range(len(each.front.seen) - before):
        for fault, again in faults:
            each.front.disarm()
            each.front.arm("*", "*", fault, skip=place)
            found = each.look(content, key, begun)
            assert not isinstance(found, NotFound), fault
            # A request that the answer does not hang on may fail; the first never is one.
            assert place or isinstance(found, CannotTell), fault
            assert isinstance(found, Receipt) or (found.why and found.again is again), (place, fault)


@pytest.mark.parametrize("fault", SENDING.values(), ids=SENDING)
def test_wherever_a_publication_fails_nothing_is_claimed_and_nothing_doubled(each: Far, fault: Fault):
    requests = requests_of(each, lambda: each.publish(everything(each, unique()), new_key()))
    for place in range(requests):
        text, key, begun = unique(), new_key(), a_moment_ago()
        content = everything(each, text)
        each.front.disarm()
        each.front.arm("*", "*", fault, skip=place)
        try:
            found = each.publish(content, key, begun)
        except Ambiguous:
            found = each.look(content, key, begun)
        except AdapterError:
            assert each.count(text) == 0, f"request {place}: said to be harmless"
            found = NotFound()
        if isinstance(found, NotFound):
            found = each.publish(content, key, begun)
        assert each.count(text) <= 1 + len(content.thread), f"request {place}: doubled"
        if isinstance(found, Receipt):
            assert each.count(text) == 1 + len(content.thread), f"request {place}: claimed"
        else:
            assert found.why


# --- Taking away ----------------------------------------------------------------------------------
@where(lambda can: can.delete)
@pytest.mark.parametrize("fault", TROUBLE.values(), ids=TROUBLE)
def test_wherever_taking_away_fails_doing_it_again_finishes_it(each: Far, fault: Fault):
    def published() -> tuple[str, Receipt]:
        text = unique()
        return text, each.publish(everything(each, text), new_key())

    text, receipt = published()
    requests = requests_of(each, lambda: each.adapter().retract(receipt))
    assert each.count(text) == 0
    each.adapter().retract(receipt)
    for place in range(requests):
        text, receipt = published()
        each.front.disarm()
        each.front.arm("*", "*", fault, skip=place)
        # Nothing becomes public by it, so nothing about it is ambiguous.
        with pytest.raises(AdapterError) as caught:
            each.adapter().retract(receipt)
        assert not isinstance(caught.value, Ambiguous)
        assert each.shown(str(caught.value)) == []
        for _ in range(2):
            each.adapter().retract(receipt)
            assert each.count(text) == 0


@where(lambda can: can.delete)
def test_a_refused_taking_away_is_not_called_done(each: Far):
    text = unique()
    receipt = each.publish(each.content(text), new_key())
    for status in (400, 401, 403, 422):
        each.front.disarm()
        each.front.arm("*", "*", Fault(status, each.error(status, "no")))
        with pytest.raises(AdapterError):
            each.adapter().retract(receipt)
    assert each.count(text) == 1


# --- Correcting -----------------------------------------------------------------------------------
def correct(far: Far, receipt: Receipt, payload: Payload) -> Receipt:
    return far.adapter().correct(receipt, payload, permit_for(payload))


@where(lambda can: can.edit)
def test_a_correction_replaces_the_words_and_again_is_no_error(each: Far):
    old, new = unique(), unique("Corrigé")
    receipt = each.publish(each.content(old), new_key())
    payload = each.render(each.content(new))
    for _ in range(2):
        corrected = correct(each, receipt, payload)
        assert (corrected.remote_id, corrected.parts) == (receipt.remote_id, receipt.parts)
        assert (each.count(old), each.count(new)) == (0, 1)
    # It may say that it cannot see it, but never that it cannot be told.
    assert isinstance(each.adapter().reread(receipt, payload), Receipt | NotFound)
    assert each.adapter().reread(receipt, each.render(each.content(old))) == NotFound()


@where(lambda can: can.edit)
@pytest.mark.parametrize("fault", SENDING.values(), ids=SENDING)
def test_wherever_a_correction_fails_it_is_not_called_harmless_when_it_is_not(each: Far, fault: Fault):
    def words(text: str) -> Content:
        return each.content(text, (), thread=(f"Suite de {text}",) if each.kind.capabilities.threads else ())

    receipt, payload = each.publish(words(unique()), new_key()), each.render(words(unique("Corrigé")))
    requests = requests_of(each, lambda: correct(each, receipt, payload))
    for place in range(requests):
        old, new = unique(), unique("Corrigé")
        receipt, payload = each.publish(words(old), new_key()), each.render(words(new))
        each.front.disarm()
        each.front.arm("*", "*", fault, skip=place)
        try:
            correct(each, receipt, payload)
        except Ambiguous:
            assert isinstance(each.adapter().reread(receipt, payload), Receipt | NotFound)
        except AdapterError:
            assert each.count(new) == 0, f"request {place}: said to be harmless"
        corrected = correct(each, receipt, payload)
        assert corrected.remote_id == receipt.remote_id
        assert each.count(old) == 0
        assert each.count(new) == len(receipt.parts)


@where(lambda can: can.edit)
def test_what_is_gone_cannot_be_corrected_back_into_life(each: Far):
    text, new = unique(), unique("Corrigé")
    receipt = each.publish(each.content(text), new_key())
    each.adapter().retract(receipt)
    with pytest.raises(AdapterError) as caught:
        correct(each, receipt, each.render(each.content(new)))
    assert not isinstance(caught.value, Ambiguous | AuthFailed)
    assert each.count(new) == 0


# --- Who am I -------------------------------------------------------------------------------------
def test_check_says_who_and_what_without_posting(each: Far):
    before = each.list_posts()
    health = each.adapter().check()
    assert health.ok, health.problem
    assert health.account
    assert health.handle
    assert health == each.adapter().check()
    assert set(each.limits) <= set(health.limits)
    assert each.shown(repr(health)) == []
    assert each.list_posts() == before
    text = unique()
    payload = each.kind.render(each.content(text), "maison-lumiere/test", health.limits)
    each.adapter(limits=health.limits).publish(payload, permit_for(payload), new_key(), a_moment_ago())
    assert each.count(text) == 1
    assert {seen.headers["user-agent"] for seen in each.front.seen} == {"CM-Queue/tests"}
    assert {seen.headers["accept-encoding"] for seen in each.front.seen} == {"identity"}


def test_check_turns_whatever_goes_wrong_into_a_sentence(each: Far):
    requests = requests_of(each, lambda: each.adapter().check())
    words = f"{each.secret} {' '.join(each.secrets)}"
    faults = [Fault(status, each.error(status, words)) for status in (400, 401, 403, 404, 429)]
    faults += [
        *TROUBLE.values(),
        Fault(302, PAGE),
        Fault(200, b"<html>"),
        Fault(200, b"[]"),
        Fault(200, b"{}"),
    ]
    for place in range(requests):
        for fault in faults:
            each.front.disarm()
            each.front.arm("*", "*", fault, skip=place)
            health = each.adapter().check()
            assert health.ok or health.problem % health.params, (place, fault)
            assert each.shown(repr(health)) == [], (place, fault)
            # What is asked first may be missing there, or say nothing; it may not go wrong.
            missing = fault.status in {400, 403, 404} or fault.body == b"{}"
            assert place or not health.ok or missing, fault
