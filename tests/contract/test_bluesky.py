"""What is Bluesky's own, against the strict PDS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.base import (
    Content,
    NotSent,
    RateLimited,
    Receipt,
    Rejected,
    Unavailable,
)
from adapters.bluesky import Bluesky
from adapters.bluesky_records import POST, Address, tid
from tests.contract import far_bluesky
from tests.contract.farside import PIXEL, Far, a_moment_ago, image
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_bluesky import (
    DID,
    FRIEND,
    FRIEND_DID,
    HANDLE,
    content_id,
)

pytestmark = [pytest.mark.contract, pytest.mark.pure]

PUT, GET = far_bluesky.CREATE, "/xrpc/com.atproto.repo.getRecord"
CREATE_SESSION = "/xrpc/com.atproto.server.createSession"
REFRESH = "/xrpc/com.atproto.server.refreshSession"
RESOLVE = "/xrpc/com.atproto.identity.resolveHandle"


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with far_bluesky.far(client, tmp_path) as made:
        yield made


def record(far: Far, receipt: Receipt, place: int = 0) -> dict[str, Any]:
    return far.server.records[receipt.parts[place]]["value"]


def error(name: str, message: str = "") -> bytes:
    return json.dumps({"error": name, "message": message}).encode()


# --- What goes out ----------------------------------------------------------------------------
def test_a_post_is_a_record_of_the_account(far: Far):
    begun = datetime(2026, 11, 22, 20, 30, 57, 123_456, UTC)
    content = Content("Bonjour à tous", options={"language": "fr"})
    receipt = far.publish(content, "key", begun)
    rkey = tid("key", begun)
    assert receipt.remote_id == f"at://{DID}/{POST}/{rkey}"
    assert receipt.url == f"https://bsky.app/profile/{HANDLE}/post/{rkey}"
    assert record(far, receipt) == {
        "$type": POST,
        "text": "Bonjour à tous",
        "createdAt": "2026-11-22T20:30:57.123Z",
        "langs": ["fr"],
    }
    sent = json.loads(far.front.requests("POST", PUT)[0].body)
    assert (sent["repo"], sent["collection"], sent["rkey"]) == (DID, POST, rkey)


def test_pictures_go_with_their_description_and_shape(far: Far):
    wide = replace(image("Une lampe « Aurore »."), width=1600, height=900)
    unknown = replace(image("Sans mesures."), width=0, height=0)
    receipt = far.publish(Content("Deux images", (wide, unknown)), "key")
    images = record(far, receipt)["embed"]["images"]
    assert [one["alt"] for one in images] == ["Une lampe « Aurore ».", "Sans mesures."]
    assert images[0]["aspectRatio"] == {"width": 1600, "height": 900}
    assert "aspectRatio" not in images[1]
    upload = far.front.requests("POST", far.upload)[0]
    assert (upload.body, upload.headers["content-type"]) == (PIXEL, "image/png")


def test_a_link_without_pictures_is_a_card(far: Far):
    link = "https://www.maison-lumiere.com/aurore"
    plain = far.publish(Content("La page", link=link), "key-1")
    assert record(far, plain)["embed"]["external"] == {
        "uri": link,
        "title": "maison-lumiere.com",
        "description": "",
    }
    assert record(far, plain)["text"] == "La page"
    options = {"link_title": "La lampe Aurore", "link_description": "Chêne et laiton."}
    told = far.publish(Content("", link=link, options=options), "key-2")
    assert record(far, told)["embed"]["external"] == {
        "uri": link,
        "title": "La lampe Aurore",
        "description": "Chêne et laiton.",
    }


def test_beside_pictures_the_link_stays_in_the_text(far: Far):
    receipt = far.publish(Content("La page", (image(),), link="https://maison-lumiere.com/"), "key")
    sent = record(far, receipt)
    assert sent["text"] == "La page\n\nhttps://maison-lumiere.com/"
    assert sent["embed"]["$type"] == "app.bsky.embed.images"
    assert sent["facets"][0]["features"][0]["uri"] == "https://maison-lumiere.com/"


def test_a_label_is_said_of_ones_own_picture(far: Far):
    receipt = far.publish(Content("Attention", (image(),), options={"label": "graphic-media"}), "key")
    assert record(far, receipt)["labels"]["values"] == [{"val": "graphic-media"}]


def test_mentions_are_resolved_while_sending_and_nobody_stays_plain_text(far: Far):
    text = f"Merci @{FRIEND} et @personne.example, encore @{FRIEND} !"
    receipt = far.publish(Content(text), "key")
    facets = record(far, receipt)["facets"]
    assert [one["features"][0]["did"] for one in facets] == [FRIEND_DID, FRIEND_DID]
    cuts = [(one["index"]["byteStart"], one["index"]["byteEnd"]) for one in facets]
    assert {text.encode()[start:end].decode() for start, end in cuts} == {f"@{FRIEND}"}
    assert len(far.front.requests("GET", RESOLVE)) == 2


@pytest.mark.parametrize("fault", [Fault(503), Fault(429), Fault(200, b"{}"), Fault(cut="after reading")])
def test_a_mention_is_not_lost_to_a_bad_moment(far: Far, fault: Fault):
    far.front.arm("GET", RESOLVE, fault)
    with pytest.raises((Unavailable, RateLimited, NotSent)):
        far.publish(Content(f"Merci @{FRIEND}"), "key")
    assert far.server.records == {}


# --- Threads and replies --------------------------------------------------------------------------
def test_a_thread_hangs_together(far: Far):
    begun = a_moment_ago()
    receipt = far.publish(Content("Un", thread=("Deux", "Trois")), "key", begun)
    refs = [{"uri": uri, "cid": far.server.records[uri]["cid"]} for uri in receipt.parts]
    assert "reply" not in record(far, receipt)
    assert record(far, receipt, 1)["reply"] == {"root": refs[0], "parent": refs[0]}
    assert record(far, receipt, 2)["reply"] == {"root": refs[0], "parent": refs[1]}
    assert list(receipt.parts) == sorted(receipt.parts)
    times = [record(far, receipt, place)["createdAt"] for place in range(3)]
    assert len(set(times)) == 3
    assert times == sorted(times)


def test_a_reply_knows_its_parent_and_the_root_of_the_thread(far: Far):
    root = {"uri": f"at://{FRIEND_DID}/{POST}/3kroot", "cid": content_id(b"root", 0x71)}
    parent = {"uri": f"at://{FRIEND_DID}/{POST}/3kparent", "cid": content_id(b"parent", 0x71)}
    far.server.elsewhere[root["uri"]] = {**root, "value": {"text": "?"}}
    thread = {"root": root, "parent": root}
    far.server.elsewhere[parent["uri"]] = {**parent, "value": {"text": "!", "reply": thread}}
    for place, reference in enumerate(
        (parent["uri"], f"at://{FRIEND}/{POST}/3kparent", f"https://bsky.app/profile/{FRIEND}/post/3kparent")
    ):
        receipt = far.publish(Content("Réponse", reply_to=reference, thread=("Suite",)), f"key-{place}")
        assert record(far, receipt)["reply"] == {"root": root, "parent": parent}
        first = {"uri": receipt.parts[0], "cid": far.server.records[receipt.parts[0]]["cid"]}
        assert record(far, receipt, 1)["reply"] == {"root": root, "parent": first}
    top = far.publish(Content("Réponse", reply_to=root["uri"]), "key-top")
    assert record(far, top)["reply"] == {"root": root, "parent": root}


def test_a_pds_that_reads_only_its_own_people_is_asked_for_the_networks_view(far: Far):
    ref = {"uri": f"at://{FRIEND_DID}/{POST}/3kroot", "cid": content_id(b"root", 0x71)}
    far.server.elsewhere[ref["uri"]] = {**ref, "value": {"text": "?"}}
    far.front.arm("GET", GET, Fault(400, error("InvalidRequest", "Could not find repo")))
    receipt = far.publish(Content("Réponse", reply_to=ref["uri"]), "key")
    assert record(far, receipt)["reply"] == {"root": ref, "parent": ref}


@pytest.mark.parametrize(
    "reference",
    [
        f"at://{FRIEND_DID}/{POST}/3knone",
        f"at://nobody.example/{POST}/3kroot",
        "https://bsky.app/profile/nobody.example/post/3kroot",
        "not an address",
    ],
)
def test_a_reply_to_nothing_is_refused_before_anything_is_public(far: Far, reference: str):
    with pytest.raises(Rejected, match="reply"):
        far.publish(Content("Réponse", reply_to=reference), "key")
    assert far.server.records == {}


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        (f"at://{DID}/{POST}/3kabc", f"at://{DID}/{POST}/3kabc"),
        (f" https://bsky.app/profile/{FRIEND}/post/3kabc ", f"at://{FRIEND}/{POST}/3kabc"),
        (f"https://bsky.app/profile/{DID}/post/3kabc/", f"at://{DID}/{POST}/3kabc"),
        ("https://bsky.app/profile/did%3Aplc%3Aabc/post/3kabc", f"at://did:plc:abc/{POST}/3kabc"),
        (f"at://{DID}/app.bsky.feed.like/3kabc", None),
        (f"https://bsky.app/profile/{FRIEND}", None),
        ("https://bsky.app/profile/no handle/post/3kabc", None),
        (f"https://bsky.app/profile/{FRIEND}/post/3k abc", None),
        ("https://[broken", None),
        ("12", None),
    ],
)
def test_what_names_a_post(reference: str, address: str | None):
    found = Address.read(reference)
    assert (str(found) if found else None) == address
    problems = Bluesky.validate(Content("x", reply_to=reference), {})
    assert [(one.code, one.field) for one in problems] == ([] if address else [("reply_unknown", "reply_to")])
