"""Correcting and taking back from the post's page, and the part that an incident's page includes."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from approvals.correcting import correct
from approvals.incidents import declare
from approvals.reviewing import submit
from cm_queue.desk.afterwards import bulk_of
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from publishing.models import BulkRetraction, Retraction
from publishing.retracting import in_scope, propose_bulk, retract
from tests.casting import Cast, fresh
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

URL = "https://demo.example/@maison/7"


def at(name: str, pk: int) -> str:
    return reverse(name, args=[pk])


def html_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def out(cast: Cast, text: str = "L’atelier ouvre samedi.", **fields: Any) -> Post:
    post = cast.approved(text, **fields)
    Delivery.objects.filter(post=post).update(
        state=DeliveryState.DELIVERED.value, attempts=1, remote_id=f"r{post.pk}", url=URL,
        delivered_at=timezone.now(),
    )  # fmt: skip
    Post.objects.filter(pk=post.pk).update(state=PostState.PUBLISHED.value)
    return fresh(post)


def offers(cast: Cast, who: str, post: Post) -> set[str]:
    html = html_of(enter(cast, who).get(at("post", post.pk)))
    return {name for name in ("correct_post", "retract_post") if f'action="{at(name, post.pk)}"' in html}


def test_the_page_offers_what_the_networks_and_the_person_can(cast: Cast):
    assert offers(cast, "marc", cast.approved()) == set(), "nothing is out"
    post = out(cast)
    assert offers(cast, "ines", post) == {"correct_post"}
    assert offers(cast, "marc", post) == {"correct_post", "retract_post"}
    cast.channel("log")
    logged = out(cast, channels=["log"])
    assert offers(cast, "marc", logged) == {"retract_post"}
    assert "delete it there by hand" in html_of(enter(cast, "marc").get(at("post", logged.pk)))


def test_correcting_leads_to_the_draft_and_both_pages_say_so(cast: Cast):
    post = out(cast)
    client = enter(cast, "ines")
    answer = client.post(at("correct_post", post.pk))
    made = Post.objects.get(corrects=post)
    assert answer.headers["Location"] == at("edit_post", made.pk)
    assert f"Correction #{made.pk}" in html_of(client.get(at("post", post.pk)))
    assert offers(cast, "ines", post) == set(), "one at a time"
    again = client.post(at("correct_post", post.pk))
    assert again.status_code == 409
    assert "A correction of this is already being written" in html_of(again)
    cast.edit("ines", made, text="L’atelier ouvre dimanche.")
    submit(cast.ines, made.pk)
    for page in ("post", "review"):
        html = html_of(enter(cast, "nadia").get(at(page, made.pk)))
        assert f"It replaces post #{post.pk}" in html
        assert f'href="{URL}"' in html
        assert "samedi</del>" in html
        assert "dimanche</ins>" in html


def test_what_a_network_calls_its_address_is_no_link_unless_it_is_one(cast: Cast):
    cast.channel("log")
    post = out(cast, channels=["demo", "log"])
    made = correct(cast.ines, post.pk)
    client = enter(cast, "marc")
    client.post(at("retract_post", post.pk))
    Delivery.objects.filter(post=post).update(url="javascript:alert(1)")
    assert "A correction of what is out" in html_of(client.get(at("post", made.pk)))
    assert "only a person can delete it there:" in html_of(client.get(at("post", post.pk)))
    for one in (made, post):
        assert "javascript:alert" not in html_of(client.get(at("post", one.pk)))


def test_the_compose_page_says_what_a_correction_cannot_change(cast: Cast):
    made = correct(cast.ines, out(cast).pk)
    html = html_of(enter(cast, "ines").get(f"{at('edit_post', made.pk)}?refused"))
    assert "Nothing here differs from what is out." in html


def test_taking_back_asks_once_and_shows_how_far_it_is(cast: Cast):
    cast.channel("log")
    post = out(cast, channels=["demo", "log"])
    assert enter(cast, "ines").post(at("retract_post", post.pk)).status_code == 403
    client = enter(cast, "marc")
    assert client.post(at("retract_post", post.pk)).headers["Location"] == f"{at('post', post.pk)}#afterwards"
    html = html_of(client.get(at("post", post.pk)))
    assert "0 of 2 taken back" in html
    assert "1 to do" in html
    assert "delete it there by hand" in html
    assert f'href="{URL}"' in html.partition("only a person can delete it there:")[2]
    assert client.post(at("retract_post", cast.approved().pk)).status_code == 409


def test_strangers_do_neither(cast: Cast):
    post = out(cast)
    for name in ("correct_post", "retract_post"):
        assert enter(cast, "stranger").post(at(name, post.pk)).status_code == 404
        assert enter(cast, "marc").get(at(name, post.pk)).status_code == 405
    assert not Retraction.objects.exists()
    assert Post.objects.count() == 1


# --- An incident's scope ----------------------------------------------------------------------------
def part(cast: Cast, who: str, incident: Any) -> str:
    bulk = bulk_of(incident, cast.people[who], in_scope(incident))
    return unescape(render_to_string("desk/parts/bulk_retracting.html", {"bulk": bulk}))


def test_the_part_is_empty_while_nothing_is_out(cast: Cast):
    incident = declare(cast.victor, cast.brand, {"brand": True}, "Un pied brûlant.")
    assert part(cast, "victor", incident).strip() == ""


def test_the_part_follows_the_two_people(cast: Cast):
    for n in range(2):
        out(cast, f"Numéro {n}.")
    incident = declare(cast.victor, cast.brand, {"brand": True}, "Un pied brûlant.")
    form = f'action="{at("retract_scope", incident.pk)}"'
    shown = part(cast, "marc", incident)
    assert "2 messages of this scope are out." in shown
    assert form in shown
    assert form not in part(cast, "ines", incident)
    enter(cast, "marc").post(at("retract_scope", incident.pk))
    assert BulkRetraction.objects.get().confirmed_at is None
    assert form not in part(cast, "marc", incident), "a second person"
    assert form not in part(cast, "nadia", incident), "one of the two holds crisis 2"
    told = part(cast, "hugo", incident)
    assert form in told
    assert "Marc proposed it" in told
    enter(cast, "hugo").post(at("retract_scope", incident.pk))
    assert Retraction.objects.filter(incident=incident).count() == 2
    assert "0 of 2 taken back" in part(cast, "ines", incident)


def test_another_brands_incident_is_not_found(cast: Cast):
    out(cast)
    incident = declare(cast.victor, cast.brand, {"brand": True}, "Un pied brûlant.")
    assert enter(cast, "stranger").post(at("retract_scope", incident.pk)).status_code == 404
    with pytest.raises(BulkRetraction.DoesNotExist):
        BulkRetraction.objects.get()


def test_a_bulk_covers_what_was_asked_for_one_by_one(cast: Cast):
    first = out(cast, "Un.")
    out(cast, "Deux.")
    retract(cast.marc, first.pk)
    incident = declare(cast.victor, cast.brand, {"brand": True}, "Un pied brûlant.")
    propose_bulk(cast.marc, incident.pk)
    propose_bulk(cast.victor, incident.pk)
    assert bulk_of(incident, cast.ines, in_scope(incident)).far.asked == 2
