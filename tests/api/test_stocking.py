"""Templates and snippets through the API."""

from __future__ import annotations

from typing import Any

import pytest

from posts.models import Post, Snippet
from tests.api.conftest import HERE, Caller, Cast, refusal, token_for, tomorrow

HEAD: dict[str, Any] = {
    "name": "De retour",
    "whole": True,
    "text": "[produit] revient.",
    "channels": ["demo"],
}
PIECE: dict[str, Any] = {"name": "Horaires", "text": "Du mardi au samedi."}


def kept(cast: Cast, **more: Any) -> dict[str, Any]:
    answer = cast.marc.post(f"{HERE}/snippets", {**HEAD, **more})
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_it_is_added_read_changed_and_put_away(cast: Cast):
    made = kept(cast, kind="launch", topics=["legal"], link="https://x.example/")
    assert (made["name"], made["whole"], made["gaps"]) == ("De retour", True, ["[produit]"])
    assert (made["kind"], made["channels"], made["topics"]) == ("launch", ["demo"], ["legal"])
    assert [one["name"] for one in made["writers"]] == ["Marc"]
    piece = cast.nadia.post(f"{HERE}/snippets", PIECE).json()
    assert (piece["whole"], piece["gaps"], piece["channels"]) == (False, [], [])
    read = cast.ines.get(f"{HERE}/snippets").json()["items"]
    assert [one["id"] for one in read] == [made["id"], piece["id"]]
    only = cast.ines.get(f"{HERE}/snippets?whole=false").json()["items"]
    assert [one["id"] for one in only] == [piece["id"]]
    changed = cast.nadia.patch(f"/snippets/{made['id']}", {"text": "[produit] est là."}, If_Match='"1"')
    assert changed.status_code == 200, changed.content
    assert (changed.json()["version"], changed.headers["ETag"]) == (2, '"2"')
    assert [one["name"] for one in changed.json()["writers"]] == ["Marc", "Nadia"]
    assert changed.json()["kind"] == "launch", "what is left out stays"
    stale = cast.marc.patch(f"/snippets/{made['id']}", {"text": "Perdu."}, If_Match='"1"')
    refusal(stale, 412, "stale_snippet")
    gone = cast.marc.call("DELETE", f"/snippets/{made['id']}")
    assert gone.json()["put_away_at"]
    assert [one["id"] for one in cast.ines.get(f"{HERE}/snippets").json()["items"]] == [piece["id"]]
    refusal(cast.marc.call("DELETE", f"/snippets/{made['id']}"), 409, "put_away")


def test_pages_of_them(cast: Cast):
    for number in range(3):
        kept(cast, name=f"N° {number}")
    first = cast.ines.get(f"{HERE}/snippets?limit=2").json()
    assert len(first["items"]) == 2
    assert len(cast.ines.get(f"{HERE}/snippets?limit=2&cursor={first['next']}").json()["items"]) == 1


def test_who_may(cast: Cast):
    made = kept(cast)
    path = f"/snippets/{made['id']}"
    refusal(cast.ines.post(f"{HERE}/snippets", HEAD), 403, "keepers_only")
    refusal(cast.ines.patch(path, {"text": "x"}), 403, "keepers_only")
    refusal(cast.ines.call("DELETE", path), 403, "keepers_only")
    refusal(cast.outsider.patch(path, {"text": "x"}), 404, "no_such_snippet")
    refusal(cast.outsider.call("DELETE", path), 404, "no_such_snippet")
    refusal(cast.outsider.get(f"{HERE}/snippets"), 404, "no_such_brand")
    refusal(cast.marc.patch("/snippets/999999", {"text": "x"}), 404, "no_such_snippet")
    drafting = Caller(
        cast.marc.user, token_for(cast.marc.user, Snippet.objects.get().brand, ["read", "draft"])
    )
    for answer in (drafting.post(f"{HERE}/snippets", HEAD), drafting.call("DELETE", path)):
        refusal(answer, 403, "missing_scope")
    assert drafting.get(f"{HERE}/snippets").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**HEAD, "name": ""}, "name"),
        ({**HEAD, "text": ""}, "text"),
        ({**HEAD, "channels": ["nowhere"]}, "channels"),
        ({**HEAD, "kind": "gossip"}, "kind"),
        ({**HEAD, "colour": "red"}, "colour"),
        ({**HEAD, "whole": "yes"}, "whole"),
    ],
    ids=["name", "text", "channel", "kind", "unknown", "whole"],
)
def test_what_is_wrong_is_said_at_its_field(cast: Cast, body: dict[str, Any], field: str):
    answer = cast.marc.post(f"{HERE}/snippets", body)
    assert answer.status_code == 422, answer.content
    assert list(answer.json()["errors"]) == [field]
    assert not Snippet.objects.exists()


def test_a_draft_begins_with_one(cast: Cast):
    made = kept(cast, kind="launch")
    body = {"template": made["id"], "slot": tomorrow()}
    post = cast.ines.post(f"{HERE}/posts", body).json()
    assert (post["text"], post["kind"], post["author"]["name"]) == ("[produit] revient.", "launch", "Inès")
    assert {one["name"] for one in post["contributors"]} == {"Inès", "Marc"}
    assert [one["code"] for one in post["problems"]] == ["gap_left"]
    refusal(cast.ines.post(f"/posts/{post['id']}/submit"), 422, "gap_left")
    filled = cast.ines.patch(f"/posts/{post['id']}", {"text": "La lampe revient."}).json()
    assert filled["problems"] == []
    assert cast.ines.post(f"/posts/{post['id']}/submit").json()["state"] == "in_review"


def test_what_is_sent_is_meant_and_the_rest_is_the_templates(cast: Cast):
    made = kept(cast, link="https://x.example/")
    body = {"template": made["id"], "text": "La lampe revient.", "link": "", "slot": tomorrow()}
    post = cast.ines.post(f"{HERE}/posts", body).json()
    assert (post["text"], post["link"], post["problems"]) == ("La lampe revient.", "", [])
    assert [one["channel"] for one in post["deliveries"]] == ["demo"]


def test_there_must_be_such_a_template(cast: Cast):
    piece = cast.marc.post(f"{HERE}/snippets", PIECE).json()
    for number in (piece["id"], 999_999):
        refusal(cast.ines.post(f"{HERE}/posts", {"template": number, "text": "x"}), 422, "unknown_template")
    post = cast.ines.post(f"{HERE}/posts", {"text": "x"}).json()
    answer = cast.ines.patch(f"/posts/{post['id']}", {"template": 1})
    assert list(answer.json()["errors"]) == ["template"], "a post begins once"
    assert Post.objects.count() == 1
