"""The database narrows the queue down, the gate decides: nothing that waits for somebody may be left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from approvals.incidents import declare
from approvals.models import Credential, CredentialState
from approvals.routing import waits_for
from approvals.standing import DESK_SHELF
from cm_queue.desk import queueing, seeking
from cm_queue.desk.queueing import judge, stretch
from cm_queue.desk.seeking import Place, Sought, could_wait
from posts.models import Post
from tests.casting import Cast, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.casting import console as console  # noqa: PLC0414

SLOT = datetime(2026, 11, 24, 9, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("place", [Place(True, None, 7), Place(False, SLOT, 12), Place(False, None, 3)])
def test_a_place_is_read_as_it_was_written(place: Place):
    assert Place.read(str(place)) == place


@pytest.mark.parametrize(
    "text", [None, "", "7", "2.-.7", "0.x.7", "0.1.2.3", "1.-.٣", "0." + "9" * 18 + ".1"]
)
def test_what_is_no_place_is_none(text: str | None):
    assert Place.read(text) is None


# --- Nothing is left out ----------------------------------------------------------------------------
def fill(cast: Cast) -> None:
    """Posts on which people have said and done all sorts of things."""
    cast.submitted("Courant, intact.")
    half = cast.submitted("Lancement à moitié.", kind="launch", products=[cast.lamp])
    cast.say("nadia", half)
    back = cast.submitted("Lancement repris.", kind="launch", products=[cast.lamp])
    cast.say("hugo", back)
    cast.say("hugo", back, "withdraw")
    mended = cast.submitted("Corrigé.")
    cast.say("nadia", mended, "request_changes")
    cast.edit("ines", mended, text="Corrigé, enfin.")
    written = cast.submitted("Écrit à deux.")
    cast.edit("nadia", written, text="Écrit à deux, et relu.")
    cast.submitted("Dès validation.", slot="on_approval", kind="reply")
    sensitive = cast.submitted("Une plainte.", author=cast.marc, kind="sensitive_reply")
    cast.say("victor", sensitive)
    late = cast.submitted("Plus tard.", kind="sensitive_reply", slot=in_hours(20).isoformat())
    cast.say("victor", late)
    crisis = cast.submitted("Communiqué.", kind="crisis", author=cast.nadia)
    cast.say("hugo", crisis)


def left_out(cast: Cast) -> dict[str, list[str]]:
    """By person: what waits for them and would not be found."""
    cast.brand.refresh_from_db()
    standing = DESK_SHELF.of(cast.brand)
    posts = list(seeking.in_review(cast.brand).select_related("brand", "revision", "author"))
    judged = judge(posts)
    assert posts
    found = {}
    for name, user in cast.people.items():
        waiting = {post.pk for post in posts if waits_for(judged[post.pk].verdict, user.person_id)}
        candidates = could_wait(seeking.in_review(cast.brand), user.person_id, standing)
        missing = waiting - set(candidates.values_list("pk", flat=True))
        found[name] = [str(Post.objects.get(pk=pk).revision.content["text"]) for pk in missing]  # type: ignore[union-attr]
    return {name: texts for name, texts in found.items() if texts}


def test_nothing_that_waits_for_somebody_is_left_out(cast: Cast):
    fill(cast)
    assert left_out(cast) == {}


@pytest.mark.parametrize("preset", ["duo", "agency", "regulated"])
def test_nor_under_other_rules(cast: Cast, preset: str):
    fill(cast)
    cast.adopt(preset)
    assert left_out(cast) == {}


def test_nor_inside_an_incident(cast: Cast):
    fill(cast)
    declare(cast.victor, cast.brand, {"brand": True}, "Une lampe chauffe.")
    cast.submitted("Communiqué bis.", kind="crisis", author=cast.nadia)
    assert left_out(cast) == {}


def test_nor_with_a_second_account_or_expertise_that_came_or_went(cast: Cast):
    fill(cast)
    cast.member("nadia2", craft=3, company=2)
    User.objects.filter(pk=cast.people["nadia2"].pk).update(same_person_as=cast.nadia)
    cast.people["nadia2"].refresh_from_db()
    cast.grant("marc", "company", 2)
    Credential.objects.filter(user=cast.hugo, domain="company").update(
        state=CredentialState.REVOKED, ended_at=in_hours(-1)
    )
    assert left_out(cast) == {}


def test_it_narrows_down(cast: Cast):
    """Whoever holds nothing finds nothing, and what one wrote or has approved is not looked at again."""
    fill(cast)
    standing = DESK_SHELF.of(cast.brand)

    def candidates(user: User) -> set[str]:
        posts = could_wait(seeking.in_review(cast.brand), user.person_id, standing).select_related("revision")
        return {post.revision.content["text"] for post in posts if post.revision}

    assert candidates(cast.olga) == set()
    assert candidates(cast.sofia) == {"Lancement à moitié.", "Lancement repris."}
    assert "Écrit à deux, et relu." not in candidates(cast.nadia)
    assert "Lancement à moitié." not in candidates(cast.nadia)
    assert "Lancement à moitié." in candidates(cast.hugo)


# --- Page by page -----------------------------------------------------------------------------------
def walk(cast: Cast, who: str) -> tuple[list[int], Any]:
    """Everything that paging forward shows, and the last stretch."""
    seen, after = [], None
    for _ in range(40):
        found = stretch(cast.brand, cast.people[who], Sought(), after=after)
        seen += [one.post.pk for one in found.rows]
        if found.older is None:
            return seen, found
        after = found.older
    raise AssertionError("it does not end")


@pytest.mark.parametrize("look", [3, 4, 50])
def test_paging_shows_everything_once_in_order_and_back_again(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, look: int
):
    for n in range(7):
        cast.submitted(f"Post {n}.", slot=in_hours(5 + n % 3).isoformat())
    for n in range(3):
        cast.submitted(f"Dès validation {n}.", slot="on_approval")
    monkeypatch.setattr(queueing, "LOOK", look)
    monkeypatch.setattr(queueing, "PER_PAGE", 2)
    everything = seeking.soonest(seeking.in_review(cast.brand)).values_list("pk", flat=True)
    seen, last = walk(cast, "nadia")
    assert seen == list(everything)
    back = [one.post.pk for one in last.rows]
    before = last.newer
    while before is not None:
        found = stretch(cast.brand, cast.nadia, Sought(), before=before)
        back = [one.post.pk for one in found.rows] + back
        before = found.newer
    assert back == list(everything)


def test_a_page_goes_on_although_none_of_its_posts_waits_any_more(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    """The gate has more to say of the first twelve: the reader still comes to the thirteenth."""
    monkeypatch.setattr(queueing, "LOOK", 2)
    monkeypatch.setattr(queueing, "LOOKS", 2)
    for n in range(6):
        post = cast.submitted(
            f"Lancement {n}.", kind="launch", products=[cast.lamp], slot=in_hours(2 + n).isoformat()
        )
        cast.say("hugo", post)
    mine = cast.submitted("Pour Sofia.", kind="launch", products=[cast.lamp], slot=in_hours(20).isoformat())
    cast.grant("sofia", "craft", 2)
    seen, _last = walk(cast, "sofia")
    assert mine.pk in seen
    assert fresh(mine).pk == seen[-1]


# --- Searched ---------------------------------------------------------------------------------------
def test_a_search_by_words_channel_kind_and_author(console: Cast):
    cast = console
    lamp = cast.submitted("La lampe Aurore se lève avec vous.", author=cast.marc, channels=["console"])
    shade = cast.submitted("Un abat-jour en lin.", slot=in_hours(4).isoformat())
    reply = cast.submitted("Merci pour la lampe.", kind="reply")

    def found(**sought: Any) -> set[int]:
        return {one.post.pk for one in stretch(cast.brand, cast.hugo, Sought(**sought)).rows}

    assert found() == {lamp.pk, shade.pk, reply.pk}
    assert found(words="LAMPE") == {lamp.pk, reply.pk}
    assert found(words="vous lampe") == {lamp.pk}
    assert found(words="100 %") == set()
    assert found(channel="console") == {lamp.pk}
    assert found(kind="reply") == {reply.pk}
    assert found(author=cast.marc.pk) == {lamp.pk}
    assert found(words="lampe", author=cast.ines.pk) == {reply.pk}


def test_time_is_kept_to_the_microsecond(cast: Cast):
    slot = in_hours(3) + timedelta(microseconds=7)
    posts = [cast.submitted(f"À la même heure, {n}.", slot=slot.isoformat()) for n in range(3)]
    found = stretch(cast.brand, cast.nadia, Sought(), after=Place.read(str(Place.of(fresh(posts[0])))))
    assert [one.post.pk for one in found.rows] == [posts[1].pk, posts[2].pk]
