"""What was done to a picture for a network is said beside it: to whoever writes and to whoever reviews."""

from __future__ import annotations

import io
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from posts.drafting import current
from posts.models import Channel, Media, Post
from posts.uploading import upload
from tests.casting import ALT, Cast, fresh
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import at_field, enter, filled, with_picture

PICTURES = Path(__file__).parents[1] / "posts" / "pictures"
PREVIEW, MEDIA, SUBMIT = (reverse(f"compose_{verb}") for verb in ("preview", "media", "submit"))


@pytest.fixture(autouse=True)
def stored(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def strict(cast: Cast) -> Channel:
    limits = {"image_matrix_limit": 10_000, "supported_mime_types": ["image/jpeg"]}
    return cast.channel("strict", limits=limits)


def picture(cast: Cast, mode: str = "RGB") -> Media:
    out = io.BytesIO()
    Image.new(mode, (200, 100), (200, 30, 30, 90)[: len(mode)]).save(out, "PNG")
    out.seek(0)
    return upload(cast.ines, cast.brand, out, "lampe.png")


def html_of(answer: Any) -> str:
    return unescape(answer.content.decode())


SMALLER = "Made smaller for Strict: 141 × 70 pixels. Converted to JPEG for Strict."


def test_the_writer_sees_it_at_the_preview_and_the_reviewer_at_the_proof(cast: Cast, strict: Channel):
    ines, nadia = enter(cast, "ines"), enter(cast, "nadia")
    sent = filled(channels=["strict"], **with_picture(picture(cast).pk, ALT))
    html = html_of(ines.post(PREVIEW, sent))
    assert SMALLER in html
    assert at_field(html, "media") == ""
    assert "What was transparent" not in html
    ines.post(SUBMIT, sent)
    post = Post.objects.get()
    (item,) = current(fresh(post)).payloads["strict"]["body"]["parts"][0]["media"]
    review = html_of(nadia.get(reverse("review", args=[post.pk])))
    assert SMALLER in review
    assert reverse("media_file", args=[item["sha256"]]) in review
    assert nadia.get(reverse("media_file", args=[item["sha256"]])).headers["Content-Type"] == "image/jpeg"


def test_what_was_transparent_is_told(cast: Cast, strict: Channel):
    html = html_of(
        enter(cast, "ines").post(
            PREVIEW, filled(channels=["strict"], **with_picture(picture(cast, "RGBA").pk, ALT))
        )
    )
    assert f"{SMALLER} What was transparent is white." in html


def test_a_picture_that_is_taken_as_it_is_has_no_note(cast: Cast, strict: Channel):
    html = html_of(enter(cast, "ines").post(PREVIEW, filled(**with_picture(picture(cast).pk, ALT))))
    assert "Made smaller" not in html
    assert "Converted" not in html


def test_nobody_is_asked_for_a_description_that_no_network_has_a_place_for(cast: Cast):
    ines = enter(cast, "ines")
    made = picture(cast)
    html = html_of(ines.post(PREVIEW, filled(**with_picture(made.pk))))
    assert "description for those who cannot see it" in html
    assert "No description" in html
    cast.channel("telegram", "telegram")
    cast.brand.channels.exclude(key="telegram").update(is_active=False)
    html = html_of(ines.post(PREVIEW, filled(channels=["telegram"], **with_picture(made.pk, "Typed."))))
    assert "description for those who cannot see it" not in html
    assert "No description" not in html
    assert "Described as" not in html
    # What was typed before is kept.
    assert 'value="Typed."' in html


def test_the_chips_say_which_networks_describe(cast: Cast):
    cast.channel("telegram", "telegram")
    html = html_of(enter(cast, "ines").get(reverse("compose")))
    assert html.count('class="chip describing"') == len(cast.brand.channels.exclude(key="telegram"))


def test_a_telephone_s_picture_is_offered_and_taken(cast: Cast):
    ines = enter(cast, "ines")
    assert "image/heic" in html_of(ines.get(reverse("compose")))
    file = SimpleUploadedFile("IMG_1.HEIC", (PICTURES / "turned6.heic").read_bytes(), "image/heic")
    html = html_of(ines.post(MEDIA, filled(pictures=[file])))
    made = Media.objects.get()
    assert (made.mime, made.width, made.height) == ("image/jpeg", 64, 128)
    assert reverse("media_file", args=[made.sha256]) in html
