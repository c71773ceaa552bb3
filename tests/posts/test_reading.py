"""Bad input: each a sentence at its field, nothing half-written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.clock import database_now
from accounts.refusals import Invalid
from posts.models import Post, Revision
from posts.reading import MAX_TEXT, MAX_THREAD
from tests.casting import ALT, Cast, fresh, in_hours, media

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"kind": "haiku"}, "kind", "unknown_kind"),
    ({"kind": None}, "kind", "unknown_kind"),
    ({"kind": []}, "kind", "unknown_kind"),
    ({"channels": ["nowhere"]}, "channels", "unknown_channel"),
    ({"channels": ["demo", "nowhere"]}, "channels", "unknown_channel"),
    ({"channels": "demo"}, "channels", "unknown_channel"),
    ({"channels": [1]}, "channels", "unknown_channel"),
    ({"variants": {"nowhere": "x"}}, "variants", "unknown_channel"),
    ({"variants": ["x"]}, "variants", "bad_text"),
    ({"variants": {"demo": 1}}, "variants", "bad_text"),
    ({"variants": {"demo": "a\x00"}}, "variants", "nul_byte"),
    ({"options": {"demo": {"colour": "red"}}}, "options", "unknown_option"),
    # Another network's.
    ({"options": {"demo": {"title": "Lampe"}}}, "options", "unknown_option"),
    ({"options": {"nowhere": {"language": "fr"}}}, "options", "unknown_channel"),
    ({"options": {"demo": "fr"}}, "options", "bad_options"),
    ({"options": []}, "options", "bad_options"),
    ({"text": "a\x00b"}, "text", "nul_byte"),
    ({"text": "\ud83d"}, "text", "bad_text"),
    ({"text": None}, "text", "bad_text"),
    ({"text": "x" * (MAX_TEXT + 1)}, "text", "text_too_long"),
    ({"link": "a\x00b"}, "link", "nul_byte"),
    ({"reply_to": 7}, "reply_to", "bad_text"),
    ({"thread": "one"}, "thread", "bad_thread"),
    ({"thread": ["x"] * (MAX_THREAD + 1)}, "thread", "bad_thread"),
    ({"thread": ["a", None]}, "thread", "bad_text"),
    ({"products": ["nothing"]}, "products", "unknown_product"),
    ({"products": "lampe-aurore"}, "products", "unknown_product"),
    ({"products": [{}]}, "products", "unknown_product"),
    ({"products": None}, "products", "unknown_product"),
    ({"topics": ["Legal"]}, "topics", "unknown_topic"),
    ({"topics": ["a b"]}, "topics", "unknown_topic"),
    ({"topics": [1]}, "topics", "unknown_topic"),
    ({"topics": None}, "topics", "unknown_topic"),
    ({"topics": "legal"}, "topics", "unknown_topic"),
    ({"media": [{"id": 999, "alt": "x"}]}, "media", "unknown_media"),
    ({"media": [{"id": "1"}]}, "media", "unknown_media"),
    ({"media": [{"id": 2**80}]}, "media", "unknown_media"),
    ({"media": [{"id": []}]}, "media", "unknown_media"),
    ({"media": [7]}, "media", "unknown_media"),
    ({"media": 7}, "media", "unknown_media"),
    ({"media": {"id": 1}}, "media", "unknown_media"),
    ({"slot": "tomorrow"}, "slot", "bad_time"),
    ({"slot": 12}, "slot", "bad_time"),
    ({"slot": "2020-01-01T10:00:00Z"}, "slot", "past_slot"),
    ({"slot": "2099-01-01T10:00"}, "slot", "slot_too_far"),
    ({"slot": "0001-01-01T00:00"}, "slot", "bad_time"),
    ({"slot": "9999-12-31T23:59:59-10:00"}, "slot", "bad_time"),
    ({"slot": "2027-03-28T02:30"}, "slot", "time_does_not_exist"),
    ({"slot": "2027-10-31T02:30"}, "slot", "time_exists_twice"),
    ({"window": {"from": "x", "until": "y"}}, "window", "bad_time"),
    ({"window": {"from": "2027-01-01T10:00"}}, "window", "bad_time"),
    ({"window": ["2027-01-01T10:00"]}, "window", "bad_window"),
    ({"window": {"from": "2027-01-02T10:00", "until": "2027-01-01T10:00"}}, "window", "bad_window"),
    ({"window": {"from": "2027-01-02T10:00", "until": "2027-03-28T02:30"}}, "window", "time_does_not_exist"),
    ({"late_minutes": 0}, "late_minutes", "bad_late_minutes"),
    ({"late_minutes": 7 * 24 * 60 + 1}, "late_minutes", "bad_late_minutes"),
    ({"late_minutes": "60"}, "late_minutes", "bad_late_minutes"),
    ({"late_minutes": True}, "late_minutes", "bad_late_minutes"),
    ({"late_minutes": 1.5}, "late_minutes", "bad_late_minutes"),
]


@pytest.mark.parametrize(
    ("bad", "field", "code"), CASES, ids=[f"{field}-{n}" for n, (_, field, _c) in enumerate(CASES)]
)
def test_bad_input_is_refused_at_its_field_and_nothing_is_written(
    cast: Cast, bad: dict[str, Any], field: str, code: str
):
    post = cast.draft()
    for call in (lambda: cast.draft(**{"text": "Bonjour.", **bad}), lambda: cast.edit("ines", post, **bad)):
        with pytest.raises(Invalid) as refusal:
            call()
        assert set(refusal.value.fields) == {field}
        assert (refusal.value.code, refusal.value.status) == (code, 422)
        assert all(refusal.value.fields[field])
    assert (Post.objects.count(), Revision.objects.count()) == (1, 1)
    assert fresh(post).version == post.version


def test_every_wrong_field_is_named_at_once(cast: Cast):
    with pytest.raises(Invalid) as refusal:
        cast.draft(text="\x00", kind="haiku", slot="x", products=["y"])
    assert set(refusal.value.fields) == {"text", "kind", "slot", "products"}
    assert refusal.value.code == "invalid"


def test_the_far_edges_of_what_is_allowed(cast: Cast):
    post = cast.draft(text="x" * MAX_TEXT, thread=["y"] * MAX_THREAD, late_minutes=7 * 24 * 60)
    cast.edit("ines", post, late_minutes=1, thread=[])
    assert fresh(post).late_minutes == 1


def test_another_brands_things_are_not_there(cast: Cast):
    picture = media(cast)
    other = cast.elsewhere
    from approvals.reviewing import draft

    for bad in ({"channels": ["demo"]}, {"products": [cast.lamp]}, {"media": [{"id": picture.pk}]}):
        with pytest.raises(Invalid):
            draft(cast.stranger, other, {"text": "x", **bad})  # type: ignore[typeddict-item]


def test_a_disconnected_channel_stays_where_it_was_and_is_chosen_no_more(cast: Cast):
    channel = cast.channel("console")
    post = cast.draft(channels=["console"])
    type(channel).objects.filter(pk=channel.pk).update(is_active=False)
    cast.edit("ines", post, text="Encore.")
    with pytest.raises(Invalid):
        cast.draft(channels=["console"])


def test_what_is_left_out_stays(cast: Cast):
    picture = media(cast)
    post = cast.draft(
        text="Un.", media=[{"id": picture.pk, "alt": f" {ALT} "}], variants={"demo": "Là."}, topics=["a"],
        thread=["Deux.", "  "], link="https://maison.example/", kind="launch", products=[cast.lamp],
    )  # fmt: skip
    before = fresh(post)
    cast.edit("ines", post, text="Autre.")
    after = fresh(post)
    assert before.revision is not None
    assert after.revision is not None
    assert after.revision.content == {**before.revision.content, "text": "Autre."}
    assert after.revision.content["media"][0]["alt"] == ALT
    assert after.revision.content["thread"] == ["Deux."]
    for name in ("kind", "products", "topics", "slot", "window_from", "window_until", "late_minutes"):
        assert getattr(after, name) == getattr(before, name)


def test_line_ends_are_one_character_everywhere(cast: Cast):
    post = cast.draft(text="a\r\nb\rc", variants={"demo": "a\r\nb"}, thread=["a\r\nb"])
    content = fresh(post).revision.content  # type: ignore[union-attr]
    assert (content["text"], content["variants"], content["thread"]) == (
        "a\nb\nc",
        {"demo": "a\nb"},
        ["a\nb"],
    )


def test_the_default_window_is_the_slots_local_day(cast: Cast):
    post = fresh(cast.draft(slot="2027-06-15T23:30"))
    assert post.slot is not None
    assert post.slot.isoformat() == "2027-06-15T21:30:00+00:00"
    assert post.window_from is not None
    assert post.window_until is not None
    assert post.window_from.isoformat() == "2027-06-14T22:00:00+00:00"
    assert post.window_until.isoformat() == "2027-06-15T21:59:59+00:00"


def test_a_slot_moved_inside_keeps_the_window_outside_takes_its_own_day(cast: Cast):
    post = cast.draft(slot="2027-06-15T10:00")
    first = fresh(post)
    cast.edit("ines", post, slot="2027-06-15T20:00")
    assert (fresh(post).window_from, fresh(post).window_until) == (first.window_from, first.window_until)
    cast.edit("ines", post, slot="2027-06-16T10:00")
    assert fresh(post).window_from == first.window_until + timedelta(seconds=1)  # type: ignore[operator]


def test_a_slot_outside_a_given_window(cast: Cast):
    with pytest.raises(Invalid) as refusal:
        cast.draft(
            slot=in_hours(5).isoformat(),
            window={"from": in_hours(1).isoformat(), "until": in_hours(3).isoformat()},
        )
    assert (refusal.value.code, set(refusal.value.fields)) == ("slot_outside_window", {"slot"})
    for edge in (1, 3):
        window = {"from": in_hours(1).isoformat(), "until": in_hours(3).isoformat()}
        cast.draft(slot=window["from" if edge == 1 else "until"], window=window)


def test_no_slot_and_on_approval(cast: Cast):
    post = fresh(cast.draft(slot=None))
    assert (post.slot, post.on_approval, post.window_from) == (None, False, None)
    cast.edit("ines", post, slot="on_approval")
    post = fresh(post)
    assert (post.slot, post.on_approval) == (None, True)
    assert post.window_until - post.window_from == timedelta(hours=24)  # type: ignore[operator]
    assert abs(post.window_from - database_now()) < timedelta(minutes=1)  # type: ignore[operator]
    cast.edit("ines", post, slot="")
    assert (fresh(post).slot, fresh(post).on_approval) == (None, False)


def test_a_slot_that_passed_meanwhile_does_not_keep_the_text_from_being_saved(cast: Cast):
    post = cast.draft()
    Post.objects.filter(pk=post.pk).update(slot=in_hours(-1))
    slot = fresh(post).slot
    assert slot is not None
    cast.edit("ines", post, text="Encore.", slot=slot.isoformat())
    assert fresh(post).revision.number == 2  # type: ignore[union-attr]
