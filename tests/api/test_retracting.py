"""Correcting and taking back through the API, and the progress that the answers tell."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from posts.models import Channel, Delivery, Post
from publishing.models import Retraction
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal, tomorrow

URL = "https://demo.example/@maison/7"


def out(cast: Cast, submitted: Draft, **more: Any) -> int:
    """A published post, as the release engine leaves it."""
    made = submitted(**more)
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    Delivery.objects.filter(post_id=made["id"]).update(
        state="DELIVERED", attempts=1, remote_id=str(made["id"]), url=URL, delivered_at=timezone.now()
    )
    Post.objects.filter(pk=made["id"]).update(state="published")
    return int(made["id"])


# --- Correcting -----------------------------------------------------------------------------------
def test_a_correction_is_a_draft_that_passes_the_gate(cast: Cast, submitted: Draft):
    pk = out(cast, submitted)
    answer = cast.ines.post(f"/posts/{pk}/correct", {"text": "Quatre gestes pour nettoyer un abat-jour."})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert answer.headers["ETag"] == '"1"'
    assert (made["state"], made["corrects"], made["slot"]) == ("draft", pk, "on_approval")
    assert (made["channels"], made["problems"]) == (["demo"], [])
    old = cast.ines.get(f"/posts/{pk}").json()
    assert made["deliveries"][0]["corrects"] == old["deliveries"][0]["id"]
    assert old["corrections"] == [{"id": made["id"], "state": "draft"}]
    assert old["deliveries"][0]["corrected_by"] is None
    sealed = cast.ines.post(f"/posts/{made['id']}/submit").json()
    refusal(cast.ines.post(f"/posts/{made['id']}/decisions", a_word(sealed)), 403, "contributor")
    assert cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(sealed)).status_code == 201
    assert cast.ines.get(f"/posts/{made['id']}").json()["state"] == "scheduled"
    Delivery.objects.filter(post_id=made["id"]).update(state="DELIVERED", remote_id=str(pk))
    told = cast.ines.get(f"/posts/{pk}").json()
    assert told["deliveries"][0]["corrected_by"] == made["id"]


def test_what_cannot_be_corrected_says_why(cast: Cast, submitted: Draft):
    in_review = submitted()
    refusal(cast.ines.post(f"/posts/{in_review['id']}/correct"), 409, "nothing_out")
    Channel.objects.create(brand=cast.brand, key="log", name="Log", network="console", account="console#log")
    logged = out(cast, submitted, channels=["log"])
    told = refusal(cast.ines.post(f"/posts/{logged}/correct"), 409, "cannot_correct")
    assert "Retract" in told["detail"] or "Retire" in told["detail"]
    pk = out(cast, submitted)
    first = cast.ines.post(f"/posts/{pk}/correct").json()
    again = refusal(cast.marc.post(f"/posts/{pk}/correct"), 409, "correction_under_way")
    assert again["details"]["post"] == first["id"] if "details" in again else again["post"] == first["id"]
    refusal(cast.ines.post(f"/posts/{first['id']}/submit"), 422, "nothing_changed")


def test_strangers_correct_and_retract_nothing(cast: Cast, submitted: Draft):
    pk = out(cast, submitted)
    for verb in ("correct", "retract"):
        refusal(cast.outsider.post(f"/posts/{pk}/{verb}"), 404, "no_such_post")
        refusal(cast.nobody.post(f"/posts/{pk}/{verb}"), 401, "unauthenticated")
    refusal(cast.ines.post(f"/posts/{pk}/correct", If_Match='"9"'), 412, "stale_revision")
    refusal(cast.with_scopes("ines", "read").post(f"/posts/{pk}/correct"), 403, "missing_scope")
    assert Post.objects.count() == 1


# --- Retracting -------------------------------------------------------------------------------------
def test_taking_back_tells_how_far_it_is(cast: Cast, submitted: Draft):
    Channel.objects.create(brand=cast.brand, key="log", name="Log", network="console", account="console#log")
    pk = out(cast, submitted, channels=["demo", "log"])
    assert cast.ines.get(f"/posts/{pk}").json()["retraction"] is None
    refusal(cast.ines.post(f"/posts/{pk}/retract"), 403, "not_qualified")
    refusal(
        cast.with_scopes("marc", "read", "draft", "manage").post(f"/posts/{pk}/retract"), 403, "missing_scope"
    )
    answer = cast.marc.post(f"/posts/{pk}/retract")
    assert answer.status_code == 200, answer.content
    told = answer.json()["retraction"]
    assert (told["asked"], told["gone"], told["to_do"]) == (2, 0, 1)
    (by_hand,) = told["by_hand"]
    assert (by_hand["channel"], by_hand["url"]) == ("log", URL)
    assert by_hand["message"]
    Retraction.objects.filter(delivery__channel__key="demo").update(done_at=timezone.now(), next_at=None)
    assert cast.ines.get(f"/posts/{pk}").json()["retraction"]["gone"] == 1
    refusal(cast.marc.post(f"/posts/{submitted()['id']}/retract"), 409, "nothing_out")


def test_an_incidents_scope_takes_two_people(cast: Cast, submitted: Draft):
    pk = out(cast, submitted, slot=tomorrow(3))
    incident = cast.victor.post(
        f"{HERE}/incidents", {"scope": {"brand": True}, "reason": "Un client se plaint."}
    ).json()
    path = f"/incidents/{incident['id']}/retract"
    before = cast.ines.get(path).json()
    assert (before["out"], before["proposed_by"], before["progress"]) == (1, None, None)
    refusal(cast.outsider.post(path), 404, "no_such_incident")
    refusal(cast.outsider.get(path), 404, "no_such_incident")
    refusal(cast.ines.post(path), 403, "not_qualified")
    proposed = cast.marc.post(path).json()
    assert (proposed["proposed_by"]["name"], proposed["confirmed_by"]) == ("Marc", None)
    assert not Retraction.objects.exists()
    refusal(cast.marc.post(path), 403, "second_person")
    confirmed = cast.victor.post(path).json()
    assert confirmed["confirmed_by"]["name"] == "Victor"
    assert (confirmed["progress"]["asked"], confirmed["progress"]["to_do"]) == (1, 1)
    assert Delivery.objects.get(post_id=pk).state == "RETRACTING"
    refusal(cast.hugo.post(path), 409, "already_confirmed")
    refusal(cast.victor.post("/incidents/999/retract"), 404, "no_such_incident")
