"""Composing as Inès: what a form may hold, what is said where, and that nothing typed is lost."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from approvals.models import Decision
from posts.lifecycle import PostState
from posts.models import Contribution, Media, Post
from tests.casting import ALT, TEXT, Cast, fresh, in_hours, media, picture
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import at_field, enter, filled, with_picture

SAVE, SUBMIT, PREVIEW = (reverse(f"compose_{verb}") for verb in ("save", "submit", "preview"))


@pytest.fixture
def ines(cast: Cast) -> Client:
    return enter(cast, "ines")


def png(name: str = "lampe.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture().read(), "image/png")


def html_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_an_empty_page_reproaches_nothing_and_says_who_will_have_to_say_yes(ines: Client):
    html = html_of(ines.get(reverse("compose")))
    assert 'class="note stop"' not in html
    assert "Marc, Nadia, Victor or Hugo could" in html
    assert "The shortest way:</b> Nadia." in html
    assert "Inès could" not in html


def test_a_draft_is_saved_and_found_again(ines: Client, cast: Cast):
    answer = ines.post(SAVE, filled(topics="Legal, prix", link=" https://maison-lumiere.example "))
    post = Post.objects.get()
    assert answer.headers["Location"] == reverse("edit_post", args=[post.pk])
    assert fresh(post).lifecycle == PostState.DRAFT
    assert post.topics == ["legal", "prix"]
    assert post.author == cast.ines
    html = html_of(ines.get(answer.headers["Location"]))
    assert TEXT in html
    assert "https://maison-lumiere.example" in html


def test_saving_and_submitting_asks_the_reviewers(ines: Client):
    answer = ines.post(SUBMIT, filled(), follow=True)
    assert fresh(Post.objects.get()).lifecycle == PostState.IN_REVIEW
    assert "Asked: " in html_of(answer)


def test_opening_and_saving_changes_nothing_and_makes_nobody_a_contributor(cast: Cast):
    post = cast.submitted()
    before = fresh(post)
    nadia = enter(cast, "nadia")
    seen = before.revision.number if before.revision else 0
    answer = nadia.post(
        reverse("compose_save", args=[post.pk]),
        filled(seen=seen, slot=before.slot.isoformat() if before.slot else "", **{"on-demo-language": ""}),
    )
    assert answer.status_code == 302
    assert fresh(post).revision == before.revision
    assert not Contribution.objects.filter(user=cast.nadia).exists()


BAD: list[tuple[str, dict[str, Any], str, str]] = [
    ("unknown channel", {"channels": ["myspace"]}, "channels", "There is no channel “myspace”."),
    ("unknown kind", {"kind": "gossip"}, "kind", "There is no kind of post “gossip”."),
    ("past slot", {"slot": "other", "at": "2020-01-01T09:00"}, "slot", "already passed"),
    ("no such time", {"slot": "other", "at": "2027-03-28T02:30"}, "slot", "02:30 does not exist on that day"),
    ("time twice", {"slot": "other", "at": "2027-10-31T02:30"}, "slot", "02:30 exists twice on that day"),
    ("not a time", {"slot": "other", "at": "demain"}, "slot", "“demain” is not a date and time."),
    ("NUL", {"text": f"{TEXT}\x00"}, "text", "There is a NUL character in this text."),
    ("NUL in a variant", {"on-demo-variant": f"{TEXT}\x00"}, "on-demo-variant", "There is a NUL character"),
    ("unknown product", {"products": ["lampe-lune"]}, "products", "There is no product “lampe-lune”."),
    ("bad topic", {"topics": "l’été"}, "topics", "A topic is written in small letters"),
    ("another's image", with_picture(999_999), "media", "This image is not there. Upload it again."),
]


@pytest.mark.parametrize("verb", ["save", "submit", "preview"])
@pytest.mark.parametrize(
    ("fields", "place", "sentence"), [one[1:] for one in BAD], ids=[one[0] for one in BAD]
)
def test_bad_input_is_said_at_its_field_and_keeps_what_was_typed(
    ines: Client, verb: str, fields: dict[str, Any], place: str, sentence: str
):
    kept = {"link": "https://maison-lumiere.example/guide", "reply_to": "https://demo.example/7"}
    answer = ines.post(reverse(f"compose_{verb}"), filled(**{**kept, **fields}))
    html = html_of(answer)
    assert answer.status_code == (200 if verb == "preview" else 422)
    assert sentence in at_field(html, place)
    for value in (TEXT, *kept.values(), *(fields.get(name, "") for name in ("topics", "at"))):
        assert value in html
    assert not Post.objects.exists()


def test_a_time_that_exists_twice_is_offered_twice(ines: Client):
    html = html_of(ines.post(PREVIEW, filled(slot="other", at="2027-10-31T02:30")))
    assert "UTC+02" in html
    assert "UTC+01" in html
    both = "2027-10-31T02:30:00+01:00"
    assert f'value="{both}"' in html
    ines.post(SAVE, filled(slot=both))
    assert Post.objects.get().slot == datetime(2027, 10, 31, 1, 30, tzinfo=UTC)


def test_a_local_time_is_the_brands(ines: Client):
    ines.post(SAVE, filled(slot="other", at="2027-07-01T09:30"))
    assert Post.objects.get().slot == datetime(2027, 7, 1, 7, 30, tzinfo=UTC)


def bomb() -> bytes:
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"#!/bin/sh\necho lampe", "This file is not an image."),
        (b"", "This file is empty."),
        (picture().read()[:60], "This image is broken"),
        (bomb(), "pixels"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 50_000_000, "This file is too big"),
    ],
    ids=["not an image", "empty", "broken", "bomb", "50 MB"],
)
def test_a_bad_file_takes_neither_the_text_nor_the_good_file_along(ines: Client, data: bytes, sentence: str):
    bad = SimpleUploadedFile("mauvais.png", data, "image/png")
    answer = ines.post(SAVE, filled(pictures=[png(), bad]))
    html = html_of(answer)
    assert answer.status_code == 422
    assert f"mauvais.png: {sentence}" in at_field(html, "media") or sentence in at_field(html, "media")
    assert TEXT in html
    assert not Post.objects.exists()
    good = Media.objects.get()
    assert f'name="media-0-picture" value="{good.pk}"' in html
    ines.post(SAVE, filled(**with_picture(good.pk, ALT)))
    assert fresh(Post.objects.get()).revision.content["media"][0]["alt"] == ALT  # type: ignore[union-attr]


def test_an_image_without_its_description_is_saved_but_not_submitted(ines: Client):
    answer = ines.post(SUBMIT, filled(pictures=[png()]), follow=True)
    html = html_of(answer)
    assert "not submitted: 1 point" in html
    assert "has no description" in at_field(html, "alt")
    assert 'aria-invalid="true"' in html
    post = fresh(Post.objects.get())
    assert post.lifecycle == PostState.DRAFT
    assert reverse("compose_submit", args=[post.pk]) in html
    again = ines.post(
        reverse("compose_submit", args=[post.pk]),
        filled(seen=1, **with_picture(Media.objects.get().pk, ALT)),
    )
    assert again.status_code == 302
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    assert Post.objects.count() == 1


def test_an_image_can_be_taken_out(ines: Client, cast: Cast):
    lamp = media(cast)
    ines.post(SAVE, filled(**with_picture(lamp.pk, ALT, **{"media-0-remove": "on"})))
    assert fresh(Post.objects.get()).revision.content["media"] == []  # type: ignore[union-attr]


def test_a_text_over_the_limit_is_saved_with_its_problem_and_not_submitted(ines: Client):
    ines.post(SAVE, filled(text="é" * 501))
    post = Post.objects.get()
    html = html_of(ines.get(reverse("edit_post", args=[post.pk])))
    assert "1 characters too long" in at_field(html, "text")
    assert "501 of 500: 1 too many" in html
    again = reverse("compose_submit", args=[post.pk])
    refused = html_of(ines.post(again, filled(text="é" * 501, seen=1), follow=True))
    assert "not submitted: 1 point" in refused
    assert "1 characters too long" in at_field(refused, "text")
    assert fresh(post).lifecycle == PostState.DRAFT


def test_the_count_is_the_networks_own_and_a_variant_counts_for_its_channel(ines: Client):
    address = "https://maison-lumiere.example/" + "a" * 80
    html = html_of(ines.post(PREVIEW, filled(text=address), headers={"HX-Request": "true"}))
    assert "23 of 500" in html
    assert "<html" not in html
    other = html_of(ines.post(PREVIEW, filled(**{"on-demo-variant": "é" * 502})))
    assert "2 characters too long" in at_field(other, "on-demo-variant")
    assert at_field(other, "text") == ""


def test_a_networks_own_options_are_asked_for_kept_and_shown(ines: Client, cast: Cast):
    cast.channel("blog", "wordpress", settings={"base_url": "https://blog.example", "username": "ines"})
    html = html_of(ines.get(reverse("compose")))
    assert 'name="on-blog-title"' in html
    assert 'name="on-demo-title"' not in html
    without = html_of(ines.post(PREVIEW, filled(channels=["blog"])))
    assert "title" in at_field(without, "on-blog-title").lower(), "said where it is typed"
    chosen = {"on-blog-title": "La lampe Aurore", "on-blog-status": "draft"}
    ines.post(SAVE, filled(channels=["blog"], **chosen))
    post = Post.objects.get()
    assert post.revision is not None
    said = post.revision.content["options"]["blog"]
    assert (said["title"], said["status"]) == ("La lampe Aurore", "draft")
    again = html_of(ines.get(reverse("edit_post", args=[post.pk])))
    assert 'value="La lampe Aurore"' in again
    # In the preview beside it, which is made of what the public will receive.
    assert "<b>Headline:</b> La lampe Aurore" in again
    assert "<b>On the site:</b> Left as a draft" in again


def test_a_network_that_charges_says_how_much_before_anybody_approves(ines: Client, cast: Cast):
    cast.channel("x", "x")
    html = html_of(ines.post(PREVIEW, filled(channels=["x", "demo"], text="Bonjour.")))
    assert html.count("The network charges") == 1
    assert "charges 0.015 US dollars" in html
    dearer = html_of(ines.post(PREVIEW, filled(channels=["x"], text="https://maison-lumiere.fr")))
    assert "charges 0.2 US dollars" in dearer or "charges 0.200 US dollars" in dearer


def test_an_option_that_is_no_choice_is_said_and_kept(ines: Client, cast: Cast):
    cast.channel("blog", "wordpress", settings={"base_url": "https://blog.example", "username": "ines"})
    answer = ines.post(
        SAVE, filled(channels=["blog"], **{"on-blog-title": "Lampe", "on-blog-status": "future"})
    )
    assert answer.status_code == 422
    assert "is no choice for status" in html_of(answer)
    assert 'value="Lampe"' in html_of(answer)
    assert not Post.objects.exists()


def test_the_preview_writes_no_post_and_follows_the_kind(ines: Client, cast: Cast):
    fields = filled(kind="launch", products=[cast.lamp])
    html = html_of(ines.post(PREVIEW, fields, headers={"HX-Request": "true"}))
    assert "At least 2 people" in html
    assert "Sofia or Hugo could" in html
    assert 'hx-swap-oob="true"' in html
    assert not Post.objects.exists()


def test_a_stale_revision_keeps_what_was_typed_and_shows_what_is_there(ines: Client, cast: Cast):
    post = cast.draft()
    cast.edit("marc", post, text="Le texte de Marc.")
    answer = ines.post(reverse("compose_save", args=[post.pk]), filled(text="Le mien.", seen=1))
    html = html_of(answer)
    assert answer.status_code == 412
    assert "Marc saved revision 2" in html
    assert "Le texte de Marc." in html
    assert "Le mien." in html
    assert fresh(post).revision.content["text"] == "Le texte de Marc."  # type: ignore[union-attr]
    meant = ines.post(reverse("compose_save", args=[post.pk]), filled(text="Le mien.", seen=2))
    assert meant.status_code == 302
    assert fresh(post).revision.content["text"] == "Le mien."  # type: ignore[union-attr]


def test_an_edit_of_what_was_approved_is_announced_and_makes_it_stale(ines: Client, cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("marc", post)
    html = html_of(ines.get(reverse("edit_post", args=[post.pk])))
    assert "Marc approved it as it is." in html
    assert "Save the change" in html
    assert "Save and submit" not in html
    assert Decision.objects.count() == 1


def test_the_reviewers_words_stand_above_the_form(ines: Client, cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, "request_changes", "Cinq ans, pas toute la vie.")
    html = html_of(ines.get(reverse("edit_post", args=[post.pk])))
    assert "Cinq ans, pas toute la vie." in html
    assert "Nadia" in html


def test_a_thread_and_the_options_of_a_channel_are_kept(ines: Client):
    ines.post(
        SAVE,
        filled(
            **{
                "part-TOTAL_FORMS": "2",
                "part-0-text": "Et voici la notice.",
                "part-1-text": "  ",
                "on-demo-visibility": "unlisted",
                "on-demo-content_warning": "lumière vive",
            }
        ),
    )
    revision = fresh(Post.objects.get()).revision
    assert revision is not None
    assert revision.content["thread"] == ["Et voici la notice."]
    assert revision.content["options"]["demo"] == {
        "visibility": "unlisted",
        "language": "fr",
        "content_warning": "lumière vive",
    }


def test_options_that_the_network_lacks_are_not_offered(ines: Client, cast: Cast):
    cast.channel("journal")
    html = html_of(ines.get(reverse("compose")))
    assert 'name="on-demo-content_warning"' in html
    assert 'name="on-journal-variant"' in html
    assert 'name="on-journal-content_warning"' not in html
    assert 'name="on-journal-visibility"' not in html


def test_an_outsider_finds_neither_the_post_nor_its_image(cast: Cast):
    lamp = media(cast)
    post = cast.draft(media=[{"id": lamp.pk, "alt": ALT}])
    zoe = enter(cast, "stranger")
    for address in (reverse("edit_post", args=[post.pk]), reverse("media_file", args=[lamp.sha256])):
        assert zoe.get(address).status_code == 404
    for verb in ("save", "submit", "preview", "media"):
        assert zoe.post(reverse(f"compose_{verb}", args=[post.pk]), filled(seen=1)).status_code == 404
    stolen = zoe.post(SAVE, filled(channels=[], **with_picture(lamp.pk, ALT)))
    assert "This image is not there." in html_of(stolen)
    assert Post.objects.count() == 1
    assert Client().get(reverse("compose")).status_code == 302


def test_an_image_is_served_as_it_is_and_kept_by_nobody_in_between(ines: Client, cast: Cast):
    lamp = media(cast)
    answer = ines.get(reverse("media_file", args=[lamp.sha256]))
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "private" in answer.headers["Cache-Control"]
    with lamp.file.open("rb") as stored:
        assert answer.content == stored.read()
    lamp.file.storage.delete(str(lamp.file.name))
    assert ines.get(reverse("media_file", args=[lamp.sha256])).status_code == 404


def test_what_is_out_can_no_longer_be_edited(ines: Client, cast: Cast):
    post = cast.draft()
    ines.post(reverse("withdraw_post", args=[post.pk]))
    assert fresh(post).lifecycle == PostState.WITHDRAWN
    answer = ines.get(reverse("edit_post", args=[post.pk]))
    assert answer.status_code == 302
    refused = ines.post(reverse("compose_save", args=[post.pk]), filled(seen=1))
    assert refused.status_code == 409


def test_images_come_along_with_htmx_without_a_new_page(ines: Client):
    answer = ines.post(reverse("compose_media"), filled(pictures=[png()]), headers={"HX-Request": "true"})
    html = html_of(answer)
    assert answer.headers["HX-Trigger-After-Settle"] == "desk:media"
    assert html.count('class="thumb"') == 1
    assert 'name="media-TOTAL_FORMS" value="1"' in html


def test_a_slot_in_the_quiet_hours_is_said_and_not_refused(ines: Client):
    night = (in_hours(30) + timedelta(days=3)).strftime("%Y-%m-%d") + "T23:00"
    html = html_of(ines.post(PREVIEW, filled(slot="other", at=night)))
    assert "keeps silent" in at_field(html, "slot")
    ines.post(SAVE, filled(slot="other", at=night))
    assert Post.objects.get().slot is not None
