"""Drafts through the API: written, changed, cloned, submitted; by whom, and what is refused where."""

from __future__ import annotations

import io
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from posts.models import Media, Post, Revision
from tests.api.conftest import HERE, Cast, Draft, a_draft, refusal, tomorrow

POST_KEYS = {
    "id", "brand", "state", "kind", "products", "topics", "author", "contributors", "revision", "text",
    "variants", "media", "link", "slot", "window", "late_minutes", "problems", "gate", "decisions",
    "deliveries",
}  # fmt: skip


def a_picture(width: int = 40, height: int = 30, form: str = "PNG") -> SimpleUploadedFile:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "#b08a3e").save(out, form)
    return SimpleUploadedFile("lampe.png", out.getvalue(), "image/png")


def test_a_draft_answers_everything_about_it(cast: Cast, draft: Draft):
    made = draft(kind="launch", products=["lampe-aurore"], topics=["vente"])
    assert set(made) >= POST_KEYS
    assert (made["state"], made["brand"], made["kind"]) == ("draft", "maison-lumiere", "launch")
    assert made["author"]["email"] == "ines@maison-lumiere.example"
    assert [one["name"] for one in made["contributors"]] == ["Inès"]
    assert made["revision"]["number"] == 1
    assert made["revision"]["digest"] is None
    assert made["window"]["from"] <= made["slot"] <= made["window"]["until"]
    assert made["gate"]["open"] is False
    assert "not_sealed" in {one["code"] for one in made["gate"]["blockers"]}
    domains = {one["domain"]: one for one in made["gate"]["requirements"]}
    assert set(domains) == {"craft", "channel:demo", "company", "product:lampe-aurore"}
    assert {one["name"] for one in domains["product:lampe-aurore"]["could"]} == {"Sofia", "Hugo"}
    assert domains["company"]["missing"] == 1
    assert made["gate"]["distinct_approvers"] == {"needed": 2, "have": 0}
    delivery = made["deliveries"][0]
    assert (delivery["channel"], delivery["network"], delivery["state"]) == ("demo", "demo", "PENDING")
    assert (delivery["attempts"], delivery["remote_id"], delivery["problem"]) == (0, None, None)
    assert datetime.fromisoformat(delivery["due_at"]) == datetime.fromisoformat(made["slot"])


def test_an_empty_draft_saves_with_its_problems(cast: Cast):
    made = cast.ines.post(f"{HERE}/posts", {}).json()
    assert {one["code"] for one in made["problems"]} == {"no_channel", "empty", "no_slot"}
    told = refusal(cast.ines.post(f"/posts/{made['id']}/submit"), 422, "problems")
    assert set(told["errors"]) == {"channels", "text", "slot"}
    assert len(told["problems"]) == 3
    assert Post.objects.get(pk=made["id"]).state == "draft"


def test_the_outsider_and_nobody_write_nothing(cast: Cast, draft: Draft):
    pk = draft()["id"]
    refusal(cast.outsider.post(f"{HERE}/posts", a_draft()), 404, "no_such_brand")
    refusal(cast.nobody.post(f"{HERE}/posts", a_draft()), 401, "unauthenticated")
    for method, path, body in [
        ("GET", f"/posts/{pk}", None),
        ("PATCH", f"/posts/{pk}", {"text": "x"}),
        ("POST", f"/posts/{pk}/clone", None),
        ("POST", f"/posts/{pk}/submit", None),
        ("POST", f"/posts/{pk}/facets", {"kind": "launch"}),
    ]:
        refusal(cast.outsider.call(method, path, body), 404, "no_such_post")
        refusal(cast.nobody.call(method, path, body), 401, "unauthenticated")
    assert Post.objects.count() == 1
    assert Revision.objects.count() == 1


def test_a_change_is_a_new_revision_by_its_writer(cast: Cast, draft: Draft):
    made = draft()
    changed = cast.marc.patch(f"/posts/{made['id']}", {"text": "Deux gestes."}, If_Match='"1"')
    assert changed.status_code == 200
    assert changed.headers["ETag"] == '"2"'
    told = changed.json()
    assert told["text"] == "Deux gestes."
    assert told["channels"] == ["demo"]
    assert {one["name"] for one in told["contributors"]} == {"Inès", "Marc"}
    assert told["revision"]["created_by"]["name"] == "Marc"


def test_a_stale_revision_changes_nothing(cast: Cast, draft: Draft):
    made = draft()
    cast.ines.patch(f"/posts/{made['id']}", {"text": "un"})
    told = refusal(
        cast.marc.patch(f"/posts/{made['id']}", {"text": "deux"}, If_Match='"1"'), 412, "stale_revision"
    )
    assert told["current"] == 2
    for verb in ("submit", "clone", "hold", "withdraw"):
        refusal(cast.ines.post(f"/posts/{made['id']}/{verb}", If_Match='"1"'), 412, "stale_revision")
    refusal(cast.ines.post(f"/posts/{made['id']}/submit", If_Match='"abc"'), 412, "stale_revision")
    assert cast.ines.get(f"/posts/{made['id']}").json()["text"] == "un"
    assert cast.ines.post(f"/posts/{made['id']}/submit", If_Match='"2"').json()["state"] == "in_review"


def test_saving_without_a_change_keeps_the_revision(cast: Cast, submitted: Draft):
    made = submitted()
    again = cast.ines.patch(f"/posts/{made['id']}", {"text": made["text"], "slot": made["slot"]}).json()
    assert again["revision"] == made["revision"]


def test_a_clone_is_of_the_same_lineage(cast: Cast, submitted: Draft):
    made = submitted()
    answer = cast.nadia.post(f"/posts/{made['id']}/clone")
    assert answer.status_code == 201
    fresh = answer.json()
    assert fresh["id"] != made["id"]
    assert fresh["state"] == "draft"
    assert fresh["author"]["name"] == "Nadia"
    assert {one["name"] for one in fresh["contributors"]} == {"Inès", "Nadia"}
    assert Post.objects.get(pk=fresh["id"]).lineage_id == Post.objects.get(pk=made["id"]).lineage_id


def test_facets_are_raised_by_anybody_and_lowered_by_the_qualified(cast: Cast, submitted: Draft):
    made = submitted()
    path = f"/posts/{made['id']}/facets"
    raised = cast.ines.post(path, {"kind": "launch", "products": ["lampe-aurore"]})
    assert raised.json()["kind"] == "launch"
    refusal(cast.ines.post(path, {"kind": "routine", "products": []}), 403, "facet_lowered")
    lowered = {"kind": "routine", "products": []}
    refusal(cast.nadia.post(path, lowered), 422, "reason_needed")
    told = cast.nadia.post(path, {**lowered, "reason": "Ce n’est pas une vente."}).json()
    assert (told["kind"], told["products"]) == ("routine", [])


def test_a_submitted_post_is_not_submitted_twice(cast: Cast, submitted: Draft):
    refusal(cast.ines.post(f"/posts/{submitted()['id']}/submit"), 409, "not_a_draft")


# --- Bad input: each a clear sentence at its field, nothing half-written ----------------------------
# (what is sent, the field that says so, the code where it matters)
REFUSED: list[tuple[object, str, str | None]] = [
    ({"channels": ["nulle-part"]}, "channels", "unknown_channel"),
    ({"kind": "poème"}, "kind", "unknown_kind"),
    ({"products": ["lampe-inconnue"]}, "products", None),
    ({"slot": "2020-01-01T09:00:00+00:00"}, "slot", "past_slot"),
    ({"slot": "2027-03-28T02:30:00"}, "slot", "time_does_not_exist"),
    ({"slot": "2027-10-31T02:30:00"}, "slot", "time_exists_twice"),
    ({"slot": "demain"}, "slot", "bad_time"),
    ({"slot": "0001-01-01T00:00:00+14:00"}, "slot", None),
    ({"window": {"from": tomorrow(9), "until": tomorrow(3)}}, "window", "bad_window"),
    ({"window": {"from": tomorrow(1)}}, "window.until", "invalid"),
    ({"text": "un\x00deux"}, "text", "nul_byte"),
    ({"thread": ["un", "de\x00ux"]}, "thread", "nul_byte"),
    ({"variants": {"demo": "\x00"}}, "variants", "nul_byte"),
    ({"\x00": 1}, "body", "nul_byte"),
    ({"media": [{"id": 999_999, "alt": "x"}]}, "media", "unknown_media"),
    ({"media": [{"id": 2**70}]}, "media.0.id", "invalid"),
    ({"media": [{"sha256": "ab" * 32}]}, "media", "unknown_media"),
    ({"late_minutes": 0}, "late_minutes", "bad_late_minutes"),
    ({"late_minutes": "60"}, "late_minutes", "invalid"),
    ({"late_minutes": True}, "late_minutes", "invalid"),
    ({"text": 12}, "text", "invalid"),
    ({"text": None}, "text", "invalid"),
    ({"titre": "x"}, "titre", "invalid"),
    ({"options": {"demo": {"couleur": "x"}}}, "options", "unknown_option"),
    ({"options": {"nulle-part": {}}}, "options", "unknown_channel"),
    ({"text": "x" * 100_001}, "text", "text_too_long"),
    ([], "body", "invalid"),
    (b'"texte"', "body", "invalid"),
]


def test_what_cannot_be_stored_is_refused_at_its_field(cast: Cast, subtests: pytest.Subtests):
    for body, field, code in REFUSED:
        with subtests.test(body=repr(body)[:60]):
            answer = cast.ines.post(f"{HERE}/posts", body)
            told = refusal(answer, 422, code or answer.json()["code"])
            assert field in told["errors"], told
            assert all(told["errors"][field])
    assert not Post.objects.exists()


def test_half_a_character_is_refused(cast: Cast):
    told = refusal(cast.ines.post(f"{HERE}/posts", b'{"text": "\\ud83d"}'), 422, "bad_text")
    assert set(told["errors"]) == {"text"}


def test_a_body_that_is_no_json_is_a_400(cast: Cast):
    deep, long = b"[" * 200_000, b'{"text": ' + b"1" * 5000 + b"}"
    for body in (b"{", b"\xff\xfe{", b'{"late_minutes": NaN}', deep, long):
        refusal(cast.ines.post(f"{HERE}/posts", body), 400, "bad_json")


def test_a_body_of_nothing_says_what_is_needed(cast: Cast):
    told = refusal(cast.ines.post(f"{HERE}/posts"), 422, "invalid")
    assert "body" in told["errors"]


def test_a_text_over_the_limit_saves_and_is_not_submitted(cast: Cast, draft: Draft):
    made = draft(text="é" * 2000)
    assert "text" in {one["field"] for one in made["problems"]}
    told = refusal(cast.ines.post(f"/posts/{made['id']}/submit"), 422, made["problems"][0]["code"])
    assert "text" in told["errors"]
    assert cast.ines.get(f"/posts/{made['id']}").json()["text"] == "é" * 2000


def test_the_slot_may_pass_while_a_draft_waits(cast: Cast, draft: Draft):
    made = draft()
    Post.objects.filter(pk=made["id"]).update(slot=timezone.now() - timedelta(minutes=1))
    refusal(cast.ines.post(f"/posts/{made['id']}/submit"), 422, "past_slot")


def test_on_approval_is_a_slot_too(cast: Cast, draft: Draft):
    made = draft(slot="on_approval")
    assert made["slot"] == "on_approval"
    assert made["window"]


# --- Pictures -----------------------------------------------------------------------------------------
def test_a_picture_goes_up_and_into_a_post(cast: Cast):
    answer = cast.ines.upload(a_picture())
    assert answer.status_code == 201
    media = answer.json()
    assert set(media) == {"id", "sha256", "type", "size", "width", "height"}
    assert (media["type"], media["width"], media["height"]) == ("image/png", 40, 30)
    assert cast.ines.upload(a_picture()).json()["id"] == media["id"]
    made = cast.ines.post(f"{HERE}/posts", a_draft(media=[{"id": media["id"], "alt": "Une lampe."}])).json()
    assert made["media"] == [{**media, "alt": "Une lampe."}]
    # What was answered may be sent back, and the bytes may be named by their hash.
    assert (
        cast.ines.patch(f"/posts/{made['id']}", {"media": made["media"]}).json()["revision"]
        == made["revision"]
    )
    by_hash = cast.ines.post(
        f"{HERE}/posts", a_draft(media=[{"sha256": media["sha256"], "alt": "Elle."}])
    ).json()
    assert by_hash["media"][0]["id"] == media["id"]


def test_a_missing_alt_text_is_a_problem_at_its_field(cast: Cast):
    media = cast.ines.upload(a_picture()).json()
    made = cast.ines.post(f"{HERE}/posts", a_draft(media=[{"id": media["id"]}])).json()
    problem = made["problems"][0]
    assert "alt" in problem["code"]
    refusal(cast.ines.post(f"/posts/{made['id']}/submit"), 422, problem["code"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"du texte, pas une image", "not_an_image"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 60, None),
        (b"", "media_empty"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(cast: Cast, content: bytes, code: str | None):
    answer = cast.ines.upload(SimpleUploadedFile("x.png", content, "image/png"))
    told = refusal(answer, 422, code or answer.json()["code"])
    assert told["errors"]["file"]
    assert not Media.objects.exists()


def test_an_image_bomb_is_refused(cast: Cast):
    out = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(out, "PNG")
    told = refusal(cast.ines.upload(SimpleUploadedFile("b.png", out.getvalue())), 422, "too_many_pixels")
    assert told["errors"]["file"]


def test_fifty_megabytes_are_refused(cast: Cast):
    told = refusal(
        cast.ines.upload(SimpleUploadedFile("g.png", b"\x89PNG" + b"0" * 50_000_000)), 413, "media_too_big"
    )
    assert told["errors"]["file"]
    just_over = SimpleUploadedFile("g.png", b"\x89PNG" + b"0" * settings.MEDIA_MAX_BYTES)
    refusal(cast.ines.upload(just_over), 422, "media_too_big")


def test_an_upload_without_a_file_says_so(cast: Cast):
    told = refusal(cast.ines.post(f"{HERE}/media", {}), 422, "invalid")
    assert set(told["errors"]) == {"file"}


def test_strangers_upload_nothing(cast: Cast):
    refusal(cast.outsider.upload(a_picture()), 404, "no_such_brand")
    refusal(cast.nobody.upload(a_picture()), 401, "unauthenticated")
    assert not Media.objects.exists()


def test_another_brand_s_picture_is_unknown(cast: Cast):
    elsewhere = cast.outsider.upload(a_picture(), "/api/v1/brands/autre-maison/media").json()
    told = refusal(
        cast.ines.post(f"{HERE}/posts", a_draft(media=[{"id": elsewhere["id"]}])), 422, "unknown_media"
    )
    assert "media" in told["errors"]
