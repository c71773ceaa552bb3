"""A picture that a network does not take as it is: fitted once, before review, and the fitted bytes are those that
are approved and sent."""

from __future__ import annotations

import hashlib
import io
import threading
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from PIL import Image

from approvals.reviewing import submit
from posts.drafting import channels_of, current, problems_in
from posts.lifecycle import PostState
from posts.models import Channel, Delivery, Fit, Media, Post
from posts.rendering import fits_for, payload_of, problems_of
from posts.uploading import read_media, upload
from publishing.models import Outcome
from tests.casting import ALT, Cast, due, fresh, work

LIMITS: dict[str, Any] = {
    "image_size_limit": 20_000,
    "image_matrix_limit": 40_000,
    "supported_mime_types": ["image/jpeg"],
}


@pytest.fixture(autouse=True)
def stored(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def strict(cast: Cast) -> Channel:
    """A network that takes small JPEGs only."""
    return cast.channel("strict", limits=LIMITS)


def png(size: tuple[int, int] = (500, 400)) -> io.BytesIO:
    out = io.BytesIO()
    Image.effect_noise(size, 30).convert("RGB").save(out, "PNG")
    out.seek(0)
    return out


@pytest.fixture
def photo(cast: Cast) -> Media:
    return upload(cast.ines, cast.brand, png(), "lampe.png")


def sent(post: Post, key: str) -> dict[str, Any]:
    """The one file of a sealed payload."""
    (item,) = current(fresh(post)).payloads[key]["body"]["parts"][0]["media"]
    return dict(item)


def with_photo(photo: Media, *keys: str) -> dict[str, Any]:
    return {"channels": list(keys), "media": [{"id": photo.pk, "alt": ALT}]}


def test_each_network_gets_what_it_takes_and_the_whole_picture_stays(
    cast: Cast, strict: Channel, photo: Media
):
    cast.channel("console")
    post = cast.submitted(**with_photo(photo, "strict", "console"))
    item, whole = sent(post, "strict"), sent(post, "console")
    assert whole["sha256"] == photo.sha256
    assert item["sha256"] != photo.sha256
    assert (item["mime"], item["alt"]) == ("image/jpeg", ALT)
    data = read_media(cast.brand.pk, item["sha256"])
    assert len(data) <= LIMITS["image_size_limit"]
    assert item["width"] * item["height"] <= LIMITS["image_matrix_limit"]
    assert Image.open(io.BytesIO(data)).size == (item["width"], item["height"])
    assert read_media(cast.brand.pk, photo.sha256)
    (kept,) = current(post).content["media"]
    assert (kept["id"], kept["sha256"]) == (photo.pk, photo.sha256)


def test_the_digest_covers_the_fitted_bytes_and_those_are_sent(cast: Cast, strict: Channel, photo: Media):
    post = cast.approved(**with_photo(photo, "strict"))
    item = sent(post, "strict")
    delivery = Delivery.objects.get(post=post)
    assert delivery.payload is not None
    assert delivery.payload["body"]["parts"][0]["media"][0]["sha256"] == item["sha256"]
    due(post)
    (result,) = work()
    assert result.outcome is Outcome.DELIVERED
    assert [hashlib.sha256(data).hexdigest() for data in result.sending.media.values()] == [item["sha256"]]
    assert set(result.sending.media) == {item["sha256"]}


def test_a_replaced_fitted_file_is_not_sent(cast: Cast, strict: Channel, photo: Media):
    post = cast.approved(**with_photo(photo, "strict"))
    fitted = Media.objects.get(sha256=sent(post, "strict")["sha256"])
    Path(fitted.file.path).write_bytes(read_media(cast.brand.pk, photo.sha256))
    due(post)
    (result,) = work()
    assert result.outcome is Outcome.REJECTED


def test_it_is_made_once_and_looked_up_in_one_query(cast: Cast, strict: Channel, photo: Media):
    other = cast.channel("strict2", limits=LIMITS)
    tight = cast.channel("tight", limits={**LIMITS, "image_size_limit": 9_000})
    post = cast.draft(**with_photo(photo, "strict", "strict2", "tight"))
    content = current(post).content
    first = fits_for(content, [strict, other, tight])
    assert Fit.objects.count() == 2
    assert first["strict"] == first["strict2"] != first["tight"]
    with CaptureQueriesContext(connection) as asked:
        assert fits_for(content, [strict, other, tight]) == first
    assert len(asked) == 1
    submit(cast.ines, post.pk)
    assert Fit.objects.count() == 2
    assert Media.objects.count() == 3


def test_what_is_taken_as_it_is_asks_nothing(cast: Cast, photo: Media):
    console = cast.channel("console")
    post = cast.draft(**with_photo(photo, "console"))
    with CaptureQueriesContext(connection) as asked:
        assert fits_for(current(post).content, [console]) == {}
    assert len(asked) == 0


def test_rendering_again_gives_the_same_payload_even_when_the_fit_has_to_be_made_again(
    cast: Cast, strict: Channel, photo: Media
):
    post = cast.draft(**with_photo(photo, "strict"))
    before = payload_of(current(post).content, strict)
    Fit.objects.all().delete()
    Media.objects.exclude(pk=photo.pk).delete()
    assert payload_of(current(post).content, strict) == before
    (row,) = Media.objects.exclude(pk=photo.pk)
    # The file that was left there is taken over: nothing piles up.
    assert row.file.name == f"media/{cast.brand.pk}/{row.sha256[:2]}/{row.sha256}"


def test_what_is_sealed_keeps_its_bytes_and_digest_when_the_limits_change(
    cast: Cast, strict: Channel, photo: Media
):
    post = cast.approved(**with_photo(photo, "strict"))
    digest, item = current(post).digest, sent(post, "strict")
    strict.limits = {**LIMITS, "image_size_limit": 9_000}
    strict.save()
    # Saving what is there already is no change.
    cast.edit("ines", post, text=current(post).content["text"])
    assert (current(fresh(post)).digest, sent(post, "strict")) == (digest, item)
    assert fresh(post).lifecycle is PostState.SCHEDULED


@pytest.mark.parametrize("size", [(3, 400), (400, 3)])
def test_a_shape_that_only_cropping_would_change_stays_a_problem(cast: Cast, size: tuple[int, int]):
    slim = upload(cast.ines, cast.brand, png(size), "slim.png")
    telegram = cast.channel("telegram", "telegram")
    post = cast.draft(**with_photo(slim, "telegram"))
    assert [one.code for one in problems_in(post, [telegram])] == ["media_too_narrow"]
    assert not Fit.objects.exists()


def test_an_animation_is_left_alone_and_its_problem_stays(cast: Cast, strict: Channel):
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("#ff0000", "#00ff00")]
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    gif.seek(0)
    moving = upload(cast.ines, cast.brand, gif, "moving.gif")
    post = cast.draft(**with_photo(moving, "strict"))
    for _again in range(2):
        assert [one.code for one in problems_in(post, [strict])] == ["media_type"]
    # That it cannot be helped is known, and not tried again.
    (fit,) = Fit.objects.all()
    assert fit.fitted is None


def test_a_heavy_photograph_is_no_problem_any_more(cast: Cast, strict: Channel, photo: Media):
    post = cast.draft(**with_photo(photo, "strict"))
    assert problems_of(current(post).content, channels_of(post)) == []


def test_a_file_that_is_gone_is_left_as_it_is(cast: Cast, strict: Channel, photo: Media):
    post = cast.draft(**with_photo(photo, "strict"))
    photo.file.storage.delete(str(photo.file.name))
    assert {one.code for one in problems_in(post, [strict])} == {
        "media_type", "media_too_large", "media_too_many_pixels",
    }  # fmt: skip
    assert not Fit.objects.exists()


def test_the_fit_and_an_upload_of_the_same_bytes_are_one(cast: Cast, photo: Media):
    small = cast.channel("small", limits={"image_matrix_limit": 10_000})
    content = current(cast.draft(**with_photo(photo, "small"))).content
    item = fits_for(content, [small])["small"][photo.sha256]
    again = upload(cast.marc, cast.brand, io.BytesIO(read_media(cast.brand.pk, item.sha256)), "saved.png")
    assert again.sha256 == item.sha256
    assert Media.objects.filter(sha256=item.sha256).count() == 1


def test_a_transparent_picture_tells_that_it_became_white(cast: Cast, strict: Channel):
    out = io.BytesIO()
    Image.new("RGBA", (50, 50), (255, 0, 0, 80)).save(out, "PNG")
    out.seek(0)
    clear = upload(cast.ines, cast.brand, out, "clear.png")
    fits_for(current(cast.draft(**with_photo(clear, "strict"))).content, [strict])
    assert Fit.objects.get().flattened


@pytest.mark.django_db(transaction=True)
def test_two_who_make_it_at_once_make_one(cast: Cast):
    strict = cast.channel("strict", limits=LIMITS)
    photo = upload(cast.ines, cast.brand, png(), "lampe.png")
    content = current(cast.draft(**with_photo(photo, "strict"))).content
    together, found = threading.Barrier(3), []

    def render() -> None:
        try:
            together.wait(20)
            found.append(payload_of(content, strict).sha256)
        finally:
            connection.close()

    threads = [threading.Thread(target=render) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == 3
    assert len(set(found)) == 1
    assert (Fit.objects.count(), Media.objects.count()) == (1, 2)
