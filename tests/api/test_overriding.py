"""Lifting a veto through the API; advisory votes, stale screens and linked accounts."""

from __future__ import annotations

from approvals.models import Decision, Override
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal

WHY = "Vérifié auprès de l’atelier."


def test_case_22_an_equal_lifts_a_veto(cast: Cast, submitted: Draft):
    made = submitted()
    path = f"/posts/{made['id']}"
    veto = cast.nadia.post(f"{path}/decisions", a_word(made, "reject", comment="C’est faux.")).json()
    assert veto["counted"] is True
    told = cast.ines.get(path).json()
    assert told["state"] == "rejected"
    (blocker,) = [one for one in told["gate"]["blockers"] if one["code"] == "veto"]
    assert "Nadia objects" in blocker["message"] or "Nadia" in blocker["message"]
    assert "Hugo" in blocker["message"]
    body = {"decision": veto["id"], "reason": WHY}
    refusal(cast.outsider.post(f"{path}/override", body), 404, "no_such_post")
    refusal(cast.nobody.post(f"{path}/override", body), 401, "unauthenticated")
    refusal(cast.with_scopes("hugo", "draft").post(f"{path}/override", body), 403, "missing_scope")
    refusal(cast.ines.post(f"{path}/override", body), 403, "contributor")
    refusal(cast.nadia.post(f"{path}/override", body), 403, "own_veto")
    left = refusal(cast.marc.post(f"{path}/override", body), 403, "not_qualified")["left"]
    assert sorted(left) == [["channel:demo", 3], ["company", 3], ["craft", 3]]
    refusal(cast.hugo.post(f"{path}/override", {**body, "reason": " "}), 422, "reason_needed")
    refusal(cast.hugo.post(f"{path}/override", {**body, "decision": 999}), 404, "no_such_decision")
    told = cast.hugo.post(f"{path}/override", body).json()
    assert told["state"] == "in_review"
    assert told["decisions"][0]["why_not_code"] == "overridden"
    assert Override.objects.count() == 3
    refusal(cast.hugo.post(f"{path}/override", body), 409, "not_a_veto")


def test_case_23_neither_an_edit_nor_a_clone_shakes_it_off(cast: Cast, submitted: Draft):
    made = submitted()
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made, "reject", comment="C’est faux."))
    edited = cast.ines.patch(f"/posts/{made['id']}", {"text": "Une lettre, change."}).json()
    copy = cast.marc.post(f"/posts/{made['id']}/clone").json()
    cast.marc.patch(f"/posts/{copy['id']}", {"slot": edited["slot"], "text": "Tout autre chose."})
    copy = cast.marc.post(f"/posts/{copy['id']}/submit").json()
    for one in (edited, copy):
        answer = cast.hugo.post(f"/posts/{one['id']}/decisions", a_word(one))
        assert answer.status_code == 201
        told = cast.ines.get(f"/posts/{one['id']}").json()
        assert told["state"] == "rejected"
        assert {block["code"] for block in told["gate"]["blockers"]} == {"veto"}


def test_case_34_a_stale_screen_answers_what_changed(cast: Cast, submitted: Draft):
    made = submitted()
    cast.ines.patch(f"/posts/{made['id']}", {"text": "Entre-temps."})
    told = refusal(cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made)), 409, "stale_digest")
    assert (told["revision"], told["changed"]) == (2, ["text"])
    assert not Decision.objects.exists()
    window = {"from": made["window"]["from"], "until": made["slot"]}
    seen = cast.ines.get(f"/posts/{made['id']}").json()
    cast.ines.patch(f"/posts/{made['id']}", {"window": window})
    told = refusal(cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(seen)), 409, "stale_digest")
    assert told["changed"] == ["window"]


def test_case_21_and_35_advice_is_stored_and_said_so(cast: Cast, submitted: Draft):
    made = submitted(kind="launch", products=["lampe-aurore"])
    assert cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made)).json()["counted"] is True
    for who in ("ines", "olga"):
        answer = getattr(cast, who).post(f"/posts/{made['id']}/decisions", a_word(made))
        if who == "ines":
            refusal(answer, 403, "contributor")
            continue
        told = answer.json()
        assert (answer.status_code, told["counted"], told["why_not_code"]) == (201, False, "advisory")
        assert told["why_not"]
    assert cast.ines.get(f"/posts/{made['id']}").json()["gate"]["distinct_approvers"]["have"] == 1


def test_case_06_the_second_account_of_a_contributor(cast: Cast, submitted: Draft):
    made = submitted()
    answer = cast.olga.post(f"/people/{cast.ines.user.pk}/link", {"account": cast.nadia.user.pk})
    assert answer.status_code in {200, 201}
    refusal(cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made)), 403, "contributor")
    assert not Decision.objects.exists()


def test_the_queue_is_not_filled_with_what_others_must_lift(cast: Cast, submitted: Draft):
    """Who could end a pause is told on the post; it does not wait for their opinion."""
    submitted()
    cast.ines.post(f"{HERE}/pauses", {"scope": {"brand": True}})
    assert len(cast.nadia.get(f"{HERE}/queue?for=me").json()["items"]) == 1
    assert cast.olga.get(f"{HERE}/queue?for=me").json()["items"] == []
