"""Pictures over the API: taken in as a telephone makes them, fitted to each network without a word."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from posts.models import Channel, Media, Revision
from tests.api.conftest import HERE, Cast, a_draft, refusal

PICTURES = Path(__file__).parents[1] / "posts" / "pictures"
ALT = "Une lampe à dôme blanc."


@pytest.fixture(autouse=True)
def stored(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def strict(cast: Cast) -> Channel:
    limits = {"image_size_limit": 40_000, "supported_mime_types": ["image/jpeg"]}
    return Channel.objects.create(
        brand=cast.brand,
        key="strict",
        name="Strict",
        network="console",
        account="console#strict",
        limits=limits,
    )


def test_a_heic_is_answered_as_the_jpeg_that_it_became(cast: Cast):
    data = (PICTURES / "turned6.heic").read_bytes()
    told = cast.ines.upload(SimpleUploadedFile("IMG_1.heic", data, "image/heic"))
    assert told.status_code == 201
    assert {name: told.json()[name] for name in ("type", "width", "height")} == {
        "type": "image/jpeg", "width": 64, "height": 128,
    }  # fmt: skip
    refusal(cast.ines.upload(SimpleUploadedFile("IMG_2.heic", data[:200])), 422, "broken_image")


def test_a_heavy_picture_is_submitted_and_sealed_as_the_network_takes_it(cast: Cast, strict: Channel):
    out = io.BytesIO()
    Image.effect_noise((500, 400), 30).convert("RGB").save(out, "PNG")
    made = cast.ines.upload(SimpleUploadedFile("lampe.png", out.getvalue(), "image/png")).json()
    draft = a_draft(channels=["strict"], media=[{"sha256": made["sha256"], "alt": ALT}])
    told = cast.ines.post(f"{HERE}/posts", draft).json()
    assert told["problems"] == []
    done = cast.ines.post(f"/posts/{told['id']}/submit").json()
    # The post has the picture that was uploaded; what is sealed is what the network takes.
    assert [one["sha256"] for one in done["media"]] == [made["sha256"]]
    (sealed,) = Revision.objects.get(post_id=told["id"]).payloads["strict"]["body"]["parts"][0]["media"]
    fitted = Media.objects.get(sha256=sealed["sha256"])
    assert (fitted.mime, sealed["mime"], fitted.size <= 40_000) == ("image/jpeg", "image/jpeg", True)
    again = cast.ines.patch(f"/posts/{told['id']}", {"text": done["text"]}).json()
    assert again["revision"]["digest"] == done["revision"]["digest"]
