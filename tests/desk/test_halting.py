"""Stopping the whole brand from the desk: any member stops, an owner starts, the banner says who and why."""

from __future__ import annotations

from html import unescape
from typing import Any

from django.urls import reverse

from accounts.models import Brand
from journal.models import Notice
from posts.lifecycle import PostState
from publishing.claiming import claim
from tests.casting import Cast, fresh
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

STOP, START = reverse("stop_brand"), reverse("start_brand")


def html_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def is_stopped(cast: Cast) -> bool:
    return Brand.objects.get(pk=cast.brand.pk).stopped_at is not None


def test_any_member_stops_and_everybody_reads_why(cast: Cast):
    post = cast.approved(slot="on_approval")
    client = enter(cast, "ines")
    assert f'action="{STOP}"' in html_of(client.get("/"))
    client.post(STOP, {"reason": "On nous signale une erreur de prix."})
    assert is_stopped(cast)
    assert claim("worker-1", 10) == []
    assert fresh(post).lifecycle is PostState.SCHEDULED, "nothing is lost"
    for who in ("nadia", "olga"):
        html = html_of(enter(cast, who).get("/"))
        assert "by Inès: “On nous signale une erreur de prix”. Nothing goes out, and nothing is lost." in html
        assert f'action="{STOP}"' not in html
        assert (f'action="{START}"' in html) == (who == "olga")
    assert "This brand is stopped. An owner can start it again." in html_of(client.get(f"/posts/{post.pk}/"))
    assert Notice.objects.filter(kind="brand.stop").get().user == cast.olga


def test_an_owner_starts_it_again(cast: Cast):
    enter(cast, "ines").post(STOP)
    told = html_of(enter(cast, "hugo").post(START, follow=True))
    assert "Only an owner" in told
    assert is_stopped(cast)
    told = html_of(enter(cast, "olga").post(START, follow=True))
    assert "The brand goes on." in told
    assert not is_stopped(cast)
    assert "Stopped since" not in told
    assert "is not stopped" in html_of(enter(cast, "olga").post(START, follow=True))


def test_stopping_twice_says_so_and_a_stranger_stops_their_own_only(cast: Cast):
    enter(cast, "stranger").post(STOP)
    assert not is_stopped(cast)
    enter(cast, "marc").post(STOP, {"reason": "x" * 2000 + "\x00"})
    assert is_stopped(cast)
    assert "already stopped" in html_of(enter(cast, "nadia").post(STOP, follow=True))
    assert enter(cast, "nadia").get(STOP).status_code == 405
