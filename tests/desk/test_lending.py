"""Pictures for networks that fetch them by themselves: an address that is signed, and soon none."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.test import Client

from accounts.clock import database_now
from adapters.base import NotSent
from posts.lending import GOOD_FOR_S, NotLent, lent, public_url
from posts.models import Media
from posts.uploading import read_media, upload
from tests.casting import Cast, picture
from tests.casting import cast as cast  # noqa: PLC0414

ROOT = Path(__file__).resolve().parents[2]
HOME = "https://queue.example.org"


@pytest.fixture(autouse=True)
def stored(settings: Any, tmp_path: object) -> None:
    settings.MEDIA_ROOT = tmp_path
    settings.PUBLIC_URL = HOME


@pytest.fixture
def lamp(cast: Cast) -> Media:
    return upload(cast.ines, cast.brand, picture(), "lampe.png")


def item(media: Media) -> dict[str, Any]:
    return {"sha256": media.sha256, "mime": media.mime, "alt": "", "width": 1, "height": 1}


def address(media: Media) -> str:
    return public_url(media.brand_id, item(media)).removeprefix(HOME)


def test_the_address_serves_exactly_the_bytes_to_anybody(lamp: Media, client: Client):
    url = public_url(lamp.brand_id, item(lamp))
    assert re.fullmatch(rf"{HOME}/lent/[\w.-]+/{lamp.sha256[:16]}\.png", url)
    answer = client.get(url.removeprefix(HOME))
    assert (answer.status_code, answer.content) == (200, read_media(lamp.brand_id, lamp.sha256))
    assert answer["Content-Type"] == "image/png"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == "inline"
    assert answer["Cache-Control"] == "private, no-store"
    assert int(answer["Content-Length"]) == lamp.size
    assert not answer.cookies


def test_it_can_be_asked_for_its_head_and_for_nothing_else(lamp: Media, client: Client):
    head = client.head(address(lamp))
    assert (head.status_code, head["Content-Type"], head.content) == (200, "image/png", b"")
    assert int(head["Content-Length"]) == lamp.size
    assert client.post(address(lamp)).status_code == 405


def _turned(text: str, place: int) -> str:
    return text[:place] + ("A" if text[place] != "A" else "B") + text[place + 1 :]


def test_no_letter_of_it_can_be_changed(lamp: Media, client: Client):
    token, name = address(lamp).removeprefix("/lent/").split("/")
    assert lent(token, name)[1] == "image/png"
    # The last sign of a signature has two bits that say nothing; everything else does.
    tampered = [(_turned(token, place), name) for place in range(len(token) - 1)]
    tampered += [(token, _turned(name, place)) for place in range(len(name))]
    for pair in tampered:
        with pytest.raises(NotLent):
            lent(*pair)
    assert client.get(f"/lent/{tampered[0][0]}/{name}").status_code == 404


def test_another_brand_and_another_file_need_their_own(cast: Cast, lamp: Media, client: Client):
    theirs = upload(cast.stranger, cast.elsewhere, picture(colour="#00ff00"), "autre.png")
    assert client.get(address(theirs)).status_code == 200
    # What this brand does not have is not served in its name, though the signature is ours.
    strange = public_url(lamp.brand_id, item(theirs)).removeprefix(HOME)
    assert client.get(strange).status_code == 404
    name = theirs.sha256[:16] + ".png"
    assert client.get(address(lamp).rpartition("/")[0] + "/" + name).status_code == 404


def test_it_runs_out(lamp: Media, client: Client):
    now = database_now()
    with time_machine.travel(now, tick=False) as clock:
        url = address(lamp)
        clock.shift(GOOD_FOR_S - 1)
        assert client.get(url).status_code == 200
        clock.shift(2)
        assert client.get(url).status_code == 404


def test_a_replaced_file_is_not_served(lamp: Media, client: Client):
    url = address(lamp)
    with open(lamp.file.path, "ab") as file:
        file.write(b"x")
    assert client.get(url).status_code == 404
    lamp.file.storage.delete(str(lamp.file.name))
    assert client.get(url).status_code == 404


def test_without_a_public_address_nothing_is_sent(lamp: Media, settings: Any):
    settings.PUBLIC_URL = ""
    with pytest.raises(NotSent, match="no public address"):
        public_url(lamp.brand_id, item(lamp))


def test_every_line_to_a_network_lends():
    """Where a Connection is made without `public_url`, Instagram would be told that there is no address."""
    made = [
        {keyword.arg for keyword in node.keywords}
        for path in (ROOT / "publishing").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Connection"
    ]
    assert made
    assert all("public_url" in names for names in made)
