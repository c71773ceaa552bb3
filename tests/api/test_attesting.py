"""The evidence of a post through the API."""

from __future__ import annotations

from tests.api.conftest import Cast, Draft, a_word, refusal


def test_who_approved_on_what_for_which_bytes_under_which_rules(cast: Cast, submitted: Draft):
    post = submitted()
    path = f"/posts/{post['id']}/attestation"
    assert cast.ines.get(path).json()["approvals"] == []
    cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post))
    told = cast.ines.get(path).json()
    assert (told["post"], told["digest"]) == (post["id"], post["revision"]["digest"])
    assert told["policy"]["number"] == 1
    assert told["policy"]["preset"] == "team"
    (one,) = told["approvals"]
    assert (one["by"]["name"], one["revision"], one["digest"]) == ("Nadia", 1, told["digest"])
    assert {basis["domain"]: basis["level"] for basis in one["rests_on"]} == {
        "channel:demo": 3,
        "company": 3,
        "craft": 3,
    }
    assert {tuple(basis["granted_by"]) for basis in one["rests_on"]} == {("Olga",)}
    assert (told["gate_decision"], told["deliveries"]) == (None, [])


def test_not_for_another_brand(cast: Cast, submitted: Draft):
    post = submitted()
    refusal(cast.outsider.get(f"/posts/{post['id']}/attestation"), 404, "no_such_post")
    refusal(cast.nobody.get(f"/posts/{post['id']}/attestation"), 401, "unauthenticated")
