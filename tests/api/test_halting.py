"""Stopping a brand and starting it again through the API."""

from __future__ import annotations

from accounts.models import Brand
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal


def test_any_member_stops_the_brand_and_an_owner_starts_it(cast: Cast, submitted: Draft):
    made = submitted()
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    answer = cast.ines.post(f"{HERE}/stop", {"reason": "Je vérifie."})
    assert answer.status_code == 200, answer.content
    assert answer.json()["brand"] == cast.brand.slug
    assert answer.json()["stopped_at"]
    gate = cast.ines.get(f"/posts/{made['id']}/gate").json()
    assert {one["code"] for one in gate["blockers"]} == {"stopped"}
    refusal(cast.marc.post(f"{HERE}/stop"), 409, "already_stopped")
    for who in (cast.ines, cast.nadia, cast.hugo):
        refusal(who.post(f"{HERE}/resume"), 403, "owner_only")
    assert cast.olga.post(f"{HERE}/resume").json()["stopped_at"] is None
    refusal(cast.olga.post(f"{HERE}/resume"), 409, "not_stopped")
    assert cast.ines.get(f"/posts/{made['id']}/gate").json()["blockers"] == []


def test_strangers_stop_nothing(cast: Cast):
    for verb in ("stop", "resume"):
        refusal(cast.outsider.post(f"{HERE}/{verb}"), 404, "no_such_brand")
        refusal(cast.nobody.post(f"{HERE}/{verb}"), 401, "unauthenticated")
    refusal(cast.with_scopes("ines", "read", "draft").post(f"{HERE}/stop"), 403, "missing_scope")
    refusal(cast.with_scopes("olga", "read", "manage").post(f"{HERE}/resume"), 403, "missing_scope")
    assert not Brand.objects.filter(stopped_at__isnull=False).exists()
