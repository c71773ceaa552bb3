"""Idempotency-Key: the same POST twice acts once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from accounts.models import RepeatedCall
from posts.models import Media, Post, Revision
from tests.api.conftest import HERE, Cast, Draft, a_draft, refusal
from tests.api.test_drafting import a_picture

KEY = "9b1deb4d-3b7d"


def test_a_repeated_call_gets_the_same_answer_and_acts_once(cast: Cast):
    body = a_draft()
    first = cast.ines.post(f"{HERE}/posts", body, Idempotency_Key=KEY)
    again = cast.ines.post(f"{HERE}/posts", dict(reversed(body.items())), Idempotency_Key=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json() == first.json()
    assert Post.objects.count() == 1


def test_a_refusal_is_repeated_too(cast: Cast, draft: Draft):
    path = f"/posts/{draft(slot=None)['id']}/submit"
    first = cast.ines.post(path, Idempotency_Key=KEY)
    again = cast.ines.post(path, Idempotency_Key=KEY)
    refusal(first, 422, "no_slot")
    assert refusal(again, 422, "no_slot") == first.json()
    assert again.headers["Idempotent-Replay"] == "true"


def test_a_key_is_for_one_call(cast: Cast, draft: Draft):
    made = draft()
    cast.ines.post(f"{HERE}/posts", a_draft(), Idempotency_Key=KEY)
    told = refusal(
        cast.ines.post(f"{HERE}/posts", a_draft(text="autre"), Idempotency_Key=KEY),
        422,
        "idempotency_key_reused",
    )
    assert "Idempotency-Key" in told["errors"]
    refusal(cast.ines.post(f"/posts/{made['id']}/clone", Idempotency_Key=KEY), 422, "idempotency_key_reused")
    assert Post.objects.count() == 2


def test_a_key_is_one_token_s_own(cast: Cast):
    for person in (cast.ines, cast.marc):
        assert person.post(f"{HERE}/posts", a_draft(), Idempotency_Key=KEY).status_code == 201
    assert Post.objects.count() == 2


def test_after_a_day_a_key_is_new(cast: Cast):
    cast.ines.post(f"{HERE}/posts", a_draft(), Idempotency_Key=KEY)
    RepeatedCall.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert "Idempotent-Replay" not in cast.ines.post(f"{HERE}/posts", a_draft(), Idempotency_Key=KEY).headers
    assert Post.objects.count() == 2


def test_while_the_first_is_under_way_the_second_waits(cast: Cast):
    body = a_draft()
    cast.ines.post(f"{HERE}/posts", body, Idempotency_Key=KEY)
    RepeatedCall.objects.update(status=None, body="")
    refusal(cast.ines.post(f"{HERE}/posts", body, Idempotency_Key=KEY), 409, "call_under_way")
    # One that was killed committed nothing: after a while the repeat acts in its place.
    RepeatedCall.objects.update(created_at=timezone.now() - timedelta(minutes=3))
    assert cast.ines.post(f"{HERE}/posts", body, Idempotency_Key=KEY).status_code == 201
    assert Post.objects.count() == 2


def test_a_fault_of_ours_is_not_kept(cast: Cast, draft: Draft):
    made = draft()
    Revision.objects.filter(post_id=made["id"]).update(content={"channels": []})
    refusal(cast.ines.post(f"/posts/{made['id']}/hold", Idempotency_Key=KEY), 409, "cannot_hold")
    RepeatedCall.objects.all().delete()
    refusal(cast.ines.post(f"/posts/{made['id']}/withdraw", Idempotency_Key=KEY), 500, "fault")
    assert not RepeatedCall.objects.exists()
    # The act and its answer are one: without an answer nothing was done.
    assert Post.objects.get(pk=made["id"]).state == "draft"


def test_without_a_token_nothing_is_kept(cast: Cast):
    refusal(cast.nobody.post(f"{HERE}/posts", a_draft(), Idempotency_Key=KEY), 401, "unauthenticated")
    assert not RepeatedCall.objects.exists()


@pytest.mark.parametrize("key", ["x" * 256, "deux mots", "\u00e9", " "])
def test_a_key_that_is_none_is_refused(cast: Cast, key: str):
    refusal(cast.ines.post(f"{HERE}/posts", a_draft(), Idempotency_Key=key), 422, "bad_idempotency_key")
    assert not Post.objects.exists()


def test_an_upload_is_repeated_by_its_bytes(cast: Cast):
    """Each sending of a form draws another boundary; what is in it is the same."""
    first = cast.ines.upload(a_picture(), Idempotency_Key=KEY)
    again = cast.ines.upload(a_picture(), Idempotency_Key=KEY)
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.json() == first.json()
    refusal(cast.ines.upload(a_picture(80, 80), Idempotency_Key=KEY), 422, "idempotency_key_reused")
    assert Media.objects.count() == 1


def test_two_at_the_same_moment_act_once(transactional_db: None, cast: Cast):
    body = a_draft()

    def call(_number: int) -> int:
        try:
            return int(cast.ines.post(f"{HERE}/posts", body, Idempotency_Key=KEY).status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(call, range(4)))
    assert set(answers) <= {201, 409}
    assert 201 in answers
    assert Post.objects.count() == 1
