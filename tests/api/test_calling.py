"""Around every call: who, in which language, with which scope; and JSON whatever happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, Membership, Scope
from accounts.tokens import digest_of
from cm_queue.api.documenting import operations
from cm_queue.api.urls import api
from posts.models import Post, Revision
from tests.api.conftest import HERE, Caller, Cast, Draft, a_draft, refusal


def every_operation() -> list[tuple[str, str, dict[str, Any]]]:
    schema = api.get_openapi_schema()
    return [(method.upper(), path, told) for path, method, told in operations(schema)]


def address(path: str, slug: str = "maison-lumiere") -> str:
    return path.replace("{slug}", slug).replace("{pk}", "1")


# --- Every operation -----------------------------------------------------------------------------
def test_nobody_is_asked_for_a_token(cast: Cast, subtests: pytest.Subtests):
    for method, path, told in every_operation():
        with subtests.test(operation=told["operationId"]):
            answer = cast.nobody.call(method, address(path), {})
            refusal(answer, 401, "unauthenticated")
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_token_without_the_scope_is_refused_before_anything_else(cast: Cast, subtests: pytest.Subtests):
    lacking = {
        scope: cast.with_scopes("nadia", *(other for other in Scope.values if other != scope))
        for scope in Scope.values
    }
    for method, path, told in every_operation():
        with subtests.test(operation=told["operationId"]):
            ((needed,),) = told["security"]
            answer = refusal(lacking[needed.lower()].call(method, address(path), {}), 403, "missing_scope")
            assert answer["scope"] == needed.lower()


def test_another_brand_is_not_there(cast: Cast, subtests: pytest.Subtests):
    """Also for somebody who is a member of it: a token speaks for one brand."""
    Membership.objects.create(brand=cast.brand, user=cast.outsider.user, is_owner=True)
    sent = {
        "create_post": a_draft(),
        "declare_incident": {"scope": {"brand": True}, "reason": "x"},
        "pause_scope": {"scope": {"brand": True}},
        "propose_credential": {"person": 1, "domain": "craft", "level": 2, "evidence": "x"},
        "add_absence": {"first_day": "2030-01-01", "last_day": "2030-01-02"},
        "propose_policy": {"preset": "duo", "reason": "x"},
        "add_rule": {"words": "soldes", "facet": "launch"},
        "try_lexicon": {"text": "soldes"},
        "add_snippet": {"name": "Horaires", "text": "Du mardi au samedi."},
    }
    for method, path, told in every_operation():
        name = told["operationId"]
        # An upload takes a form: see test_drafting.py.
        if "{slug}" in path and name != "upload_media":
            with subtests.test(operation=name):
                refusal(cast.outsider.call(method, address(path), sent.get(name)), 404, "no_such_brand")


def test_reading_takes_read_and_deciding_takes_decide():
    by_id = {told["operationId"]: next(iter(told["security"][0])) for _m, _p, told in every_operation()}
    assert {name for name, scope in by_id.items() if scope == "Decide"} == {
        "decide_post", "resume_post", "release_post", "lift_incident", "end_pause", "resume_channel",
        "override_veto", "retract_post", "retract_scope", "start_again", "confirm_policy",
        "propose_credential", "confirm_credential", "confirm_practice", "renew_credential",
        "reinstate_credential", "take_second_look", "retry_delivery",
    }  # fmt: skip
    reading = {told["operationId"] for method, _p, told in every_operation() if method == "GET"}
    assert {by_id[name] for name in reading} == {"Read"}
    # What changes nothing is a question, even when it is too long for an address.
    questions = {name for name in set(by_id) - reading if by_id[name] == "Read"}
    assert questions == {"try_lexicon", "replay_policy"}


# --- Tokens --------------------------------------------------------------------------------------
def test_a_token_that_is_none_opens_nothing(cast: Cast, subtests: pytest.Subtests):
    for given in ["", "Bearer", "Bearer  ", "Bearer nothing", "Basic YTpi", "Bearer \u00e9", "Token x"]:
        with subtests.test(given=given):
            answer = Client().get(f"{HERE}/people", headers={"Authorization": given} if given else {})
            refusal(answer, 401, "unauthenticated")


def test_an_expired_or_revoked_token_or_a_closed_account_opens_nothing(cast: Cast):
    mine = ApiToken.objects.filter(digest=digest_of(cast.nadia.token))
    assert cast.nadia.get("/me").status_code == 200
    mine.update(expires_at=timezone.now() - timedelta(seconds=1))
    refusal(cast.nadia.get("/me"), 401, "unauthenticated")
    mine.update(expires_at=timezone.now() + timedelta(days=1), revoked_at=timezone.now())
    refusal(cast.nadia.get("/me"), 401, "unauthenticated")
    cast.marc.user.is_active = False
    cast.marc.user.save(update_fields=["is_active"])
    refusal(cast.marc.get("/me"), 401, "unauthenticated")


def test_a_session_opens_nothing(cast: Cast, draft: Draft):
    """Or a page elsewhere could call in the name of whoever is signed in."""
    made = draft()
    browser = Client()
    browser.force_login(cast.nadia.user, backend="allauth.account.auth_backends.AuthenticationBackend")
    refusal(browser.get(f"/api/v1/posts/{made['id']}"), 401, "unauthenticated")
    refusal(browser.post(f"/api/v1/posts/{made['id']}/submit"), 401, "unauthenticated")


def test_a_former_member_finds_nothing(cast: Cast, draft: Draft):
    made = draft()
    Membership.objects.filter(user=cast.marc.user).update(is_active=False)
    refusal(cast.marc.get(f"/posts/{made['id']}"), 404, "no_such_post")
    refusal(cast.marc.get(f"{HERE}/people"), 404, "not_a_member")


# --- Language ------------------------------------------------------------------------------------
def test_the_language_is_asked_for_or_the_person_s(cast: Cast, subtests: pytest.Subtests):
    for asked, language in [
        ("", "fr"),
        ("en", "en"),
        ("en-GB,en;q=0.9", "en"),
        ("de, en;q=0.5", "en"),
        ("de", "fr"),
        ("*", "fr"),
        ("fr-CA", "fr"),
    ]:
        with subtests.test(asked=asked):
            answer = cast.ines.get("/me", **({"Accept_Language": asked} if asked else {}))
            assert answer.headers["Content-Language"] == language


def test_the_person_s_language_is_that_of_the_profile(cast: Cast):
    cast.ines.user.language = "en"
    cast.ines.user.save(update_fields=["language"])
    assert cast.ines.get("/me").headers["Content-Language"] == "en"
    assert cast.ines.get("/me", Accept_Language="fr").headers["Content-Language"] == "fr"


# --- Whatever happens ----------------------------------------------------------------------------
def test_an_unknown_address_is_a_problem(cast: Cast, subtests: pytest.Subtests):
    for path in ["/nowhere", "/posts", "/posts/abc", "/posts/1/", "/posts/-1", "/posts/1/publish", "/"]:
        with subtests.test(path=path):
            refusal(cast.ines.get(path), 404, "not_found")
            refusal(cast.nobody.get(path), 404, "not_found")


def test_a_number_beyond_any_is_not_there(cast: Cast):
    refusal(cast.ines.get("/posts/" + "9" * 40), 404, "no_such_post")
    sent = {
        "/incidents/{}/lift": None,
        "/channels/{}/pause": None,
        "/deliveries/{}/settle": {"went_out": True},
        "/deliveries/{}/retry": None,
        "/credentials/{}/revoke": {"cause": "x"},
        "/people/{}/link": {"account": 1},
    }
    for path, body in sent.items():
        assert cast.olga.post(path.format("9" * 40), body).status_code == 404, path


def test_a_method_that_is_not_taken_is_a_problem(cast: Cast):
    answer = cast.ines.call("PUT", "/me")
    refusal(answer, 405, "method_not_allowed")
    assert answer.headers["Allow"] == "GET"


def test_too_large_a_body_is_a_problem(cast: Cast):
    told = refusal(
        cast.ines.post(f"{HERE}/posts", b'{"text": "' + b"x" * (6 * 1024 * 1024) + b'"}'), 413, "too_large"
    )
    assert "5" in told["detail"]
    assert not Post.objects.exists()


def test_a_form_is_not_json(cast: Cast):
    answer = Client().post(
        f"{HERE}/posts", {"text": "x"}, headers={"Authorization": f"Bearer {cast.ines.token}"}
    )
    refusal(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_broken_form_is_a_problem(cast: Cast, content_type: str):
    mine = {"Authorization": f"Bearer {cast.ines.token}"}
    answer = Client().generic("POST", f"{HERE}/media", b"\xff\x00--x", content_type, headers=mine)
    assert answer.status_code in {400, 422}
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_nul_in_an_address_is_refused(cast: Cast):
    told = refusal(cast.ines.get(f"{HERE}/people?cursor=%00"), 422, "nul_byte")
    assert set(told["errors"]) == {"cursor"}


def test_a_fault_of_ours_tells_nothing_of_itself(cast: Cast, draft: Draft):
    made = draft()
    Revision.objects.filter(post_id=made["id"]).update(content={"channels": [], "geheim": 1})
    told = refusal(cast.ines.get(f"/posts/{made['id']}"), 500, "fault")
    assert "text" not in str(told["errors"])
    assert "KeyError" not in str(told)


def test_answers_are_kept_by_no_cache(cast: Cast):
    assert cast.ines.get("/me").headers["Cache-Control"] == "no-store"
    assert cast.nobody.get("/me").headers["Cache-Control"] == "no-store"


# --- Pages of lists ------------------------------------------------------------------------------
def test_a_list_is_read_page_by_page(cast: Cast):
    names, cursor = [], ""
    for _page in range(10):
        told = cast.ines.get(f"{HERE}/people?limit=3&cursor={cursor}").json()
        assert len(told["items"]) <= 3
        names += [one["name"] for one in told["items"]]
        cursor = told["next"]
        if cursor is None:
            break
    assert sorted(names) == ["Hugo", "Inès", "Marc", "Nadia", "Olga", "Sofia", "Victor"]


def test_a_cursor_or_limit_that_is_none_is_refused(cast: Cast, subtests: pytest.Subtests):
    for query in ["cursor=x", "cursor=WyJhIl0", "cursor=Wy0xXQ", "limit=0", "limit=201", "limit=x"]:
        with subtests.test(query=query):
            told = cast.ines.get(f"{HERE}/people?{query}")
            assert told.status_code == 422
            assert list(told.json()["errors"]) == [query.split("=")[0]]


# --- Documentation -------------------------------------------------------------------------------
def test_the_schema_is_served_to_anybody(cast: Cast):
    answer = cast.nobody.get("/openapi.json")
    assert answer.status_code == 200
    told = answer.json()
    assert told["openapi"].startswith("3.")
    assert "/api/v1/posts/{pk}/decisions" in told["paths"]
    change = told["paths"]["/api/v1/posts/{pk}"]["patch"]
    assert "application/problem+json" in change["responses"]["default"]["content"]
    assert "If-Match" in {one["name"] for one in change["parameters"]}


def test_the_documentation_needs_nothing_from_elsewhere(cast: Cast):
    answer = cast.nobody.get("/docs")
    assert answer.status_code == 200
    page = answer.content.decode()
    for _method, path, told in every_operation():
        assert path in page
        assert f'id="{told["operationId"]}"' in page
    assert "<script>" not in page
    assert "cdn" not in page


def test_a_caller_of_every_kind_reads_me(cast: Cast):
    assert cast.ines.get("/me").json()["email"] == "ines@maison-lumiere.example"
    assert cast.outsider.get("/me").json()["brands"][0]["slug"] == "autre-maison"
    refusal(Caller(None, "x").get("/me"), 401, "unauthenticated")
