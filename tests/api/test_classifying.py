"""Facets, the lexicon, suggestions and splits through the API."""

from __future__ import annotations

import pytest

from posts.models import Channel, LexiconRule
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal

pytestmark = pytest.mark.django_db
SALE = "Soldes : la lampe AURORE à −30 %"
TYPO = "Trois geste pour nettoyer un abat-jour."


@pytest.fixture
def glossary(cast: Cast) -> Cast:
    """The lexicon of the issue's example, made through the API."""
    LexiconRule.objects.all().delete()
    for words, facet in [
        ("soldes", "launch"), ("-30 %", "launch"), ("code promo", "launch"), ("procès", "topic:legal"),
        ("avocat", "topic:legal"), ("Lampe Aurore", "product:lampe-aurore"),
    ]:  # fmt: skip
        answer = cast.nadia.post(f"{HERE}/lexicon", {"words": words, "facet": facet})
        assert answer.status_code == 201, answer.content
    return cast


def test_a_post_tells_which_words_raised_each_facet(glossary: Cast, draft: Draft):
    made = draft(text=SALE)
    assert (made["kind"], made["products"]) == ("launch", ["lampe-aurore"])
    assert made["facets"] == [
        {"facet": "launch", "raised_by": None, "words": ["Soldes", "−30 %"]},
        {"facet": "product:lampe-aurore", "raised_by": None, "words": ["lampe AURORE"]},
    ]


def test_the_lexicon_is_read_tried_widened_and_narrowed(glossary: Cast):
    items = glossary.ines.get(f"{HERE}/lexicon").json()["items"]
    assert {(one["words"], one["facet"]) for one in items} >= {
        ("soldes", "launch"),
        ("avocat", "topic:legal"),
    }
    told = glossary.ines.post(f"{HERE}/lexicon/try", {"text": "Un PROCES soldé"}).json()
    assert told == [{"facet": "topic:legal", "raised_by": None, "words": ["PROCES"]}]
    refusal(glossary.ines.post(f"{HERE}/lexicon", {"words": "x", "facet": "launch"}), 403, "keepers_only")
    refusal(glossary.nadia.post(f"{HERE}/lexicon", {"pattern": "(a+)+b", "facet": "launch"}), 422, "bad_rule")
    refusal(glossary.nadia.post(f"{HERE}/lexicon", {"words": "x", "facet": "routine"}), 422, "unknown_facet")
    made = glossary.nadia.post(f"{HERE}/lexicon", {"pattern": r"\bpromo\w*", "facet": "launch"}).json()
    assert (made["words"], made["pattern"], made["added_by"]["name"]) == (None, r"\bpromo\w*", "Nadia")
    path = f"/lexicon/{made['id']}"
    refusal(glossary.nadia.call("DELETE", path), 422, "reason_needed")
    asked = glossary.nadia.call("DELETE", f"{path}?reason=Trop+large")
    assert (asked.status_code, asked.json()["ended_at"]) == (202, None)
    refusal(glossary.nadia.call("DELETE", path), 409, "second_person")
    assert glossary.hugo.post(f"{path}/keep").json()["ending_asked_by"] is None
    glossary.hugo.call("DELETE", f"{path}?reason=Trop+large")
    ended = glossary.nadia.call("DELETE", path)
    assert (ended.status_code, ended.json()["ended_by"]["name"]) == (200, "Nadia")
    refusal(glossary.nadia.call("DELETE", path), 409, "already_ended")
    for method, where in (("GET", f"{HERE}/lexicon"), ("DELETE", path), ("POST", f"{path}/keep")):
        assert glossary.outsider.call(method, where).status_code == 404
        refusal(glossary.nobody.call(method, where), 401, "unauthenticated")


def test_case_24_facet_lowered_by_a_contributor(glossary: Cast, draft: Draft):
    made = draft(text=SALE)
    pk = made["id"]
    lower = {"kind": "routine", "products": [], "reason": "Ce n’est rien."}
    refusal(glossary.ines.post(f"/posts/{pk}/facets", lower), 403, "facet_lowered")
    refusal(glossary.ines.patch(f"/posts/{pk}", {"kind": "routine"}), 403, "facet_lowered")
    refusal(glossary.ines.patch(f"/posts/{pk}", {"products": []}), 403, "facet_lowered")
    copy = glossary.marc.post(f"/posts/{pk}/clone").json()["id"]
    refusal(glossary.marc.patch(f"/posts/{copy}", {"kind": "reply"}), 403, "facet_lowered")
    glossary.ines.post(f"/posts/{pk}/submit")
    refusal(glossary.ines.post(f"/posts/{pk}/facets", lower), 403, "facet_lowered")
    told = glossary.hugo.post(f"/posts/{pk}/facets", lower).json()
    assert (told["kind"], told["products"], told["facets"]) == ("routine", [], [])
    again = glossary.ines.patch(f"/posts/{pk}", {"text": SALE + " !"}).json()
    assert again["kind"] == "routine", "the very same words"
    more = glossary.ines.patch(f"/posts/{pk}", {"text": SALE + " Code promo AURORE."}).json()
    assert more["kind"] == "launch"


def test_anybody_raises(glossary: Cast, submitted: Draft):
    pk = submitted()["id"]
    told = glossary.olga.post(f"/posts/{pk}/facets", {"kind": "launch", "topics": ["legal"]}).json()
    assert [one["facet"] for one in told["facets"]] == ["launch", "topic:legal"]
    assert {one["raised_by"]["name"] for one in told["facets"]} == {"Olga"}
    assert told["gate"]["distinct_approvers"]["needed"] == 2


# --- Suggestions ------------------------------------------------------------------------------------
def suggest(cast: Cast, pk: int, quote: str, words: str) -> int:
    answer = cast.nadia.post(f"/posts/{pk}/comments", {"quote": quote, "suggestion": words})
    assert answer.status_code == 201, answer.content
    return answer.json()["id"]


@pytest.mark.parametrize(("words", "light"), [("gestes", True), ("idées", False)])
def test_case_04_a_suggestion_is_accepted_its_maker_approves(
    cast: Cast, submitted: Draft, words: str, light: bool
):
    made = submitted(text=TYPO)
    pk = made["id"]
    one = suggest(cast, pk, "geste", words)
    (row,) = cast.ines.get(f"/posts/{pk}/comments").json()["items"]
    assert (row["suggestion"], row["accepted"], row["light"], row["place"]) == (words, None, light, "text")
    refusal(cast.nadia.post(f"/suggestions/{one}/accept"), 403, "writers_only")
    told = cast.ines.post(f"/suggestions/{one}/accept").json()
    assert told["text"] == TYPO.replace("geste", words)
    assert [person["name"] for person in told["contributors"]] == (["Inès"] if light else ["Inès", "Nadia"])
    refusal(cast.ines.post(f"/suggestions/{one}/accept"), 409, "already_settled")
    answer = cast.nadia.post(f"/posts/{pk}/decisions", a_word(told))
    if light:
        assert answer.json()["counted"] is True
        assert cast.ines.get(f"/posts/{pk}").json()["gate"]["open"] is True
    else:
        refusal(answer, 403, "contributor")


@pytest.mark.parametrize(
    ("text", "light"), [(TYPO.replace("geste", "gestes"), True), ("Tout autre chose.", False)]
)
def test_case_03_a_reviewer_rewrites_then_approves(cast: Cast, submitted: Draft, text: str, light: bool):
    pk = submitted(text=TYPO)["id"]
    told = cast.nadia.patch(f"/posts/{pk}", {"text": text}).json()
    assert [one["code"] for one in told["consequences"]] == ([] if light else ["no_longer_approves"])
    if not light:
        assert "Hugo" in told["consequences"][0]["message"]
    answer = cast.nadia.post(f"/posts/{pk}/decisions", a_word(told))
    if light:
        assert answer.json()["counted"] is True
    else:
        refusal(answer, 403, "contributor")


def test_a_suggestion_declined(cast: Cast, submitted: Draft):
    pk = submitted(text=TYPO)["id"]
    one = suggest(cast, pk, "geste", "gestes")
    told = cast.ines.post(f"/suggestions/{one}/decline").json()
    assert (told["accepted"], told["resolved_at"] is None) == (False, False)
    for verb in ("accept", "decline"):
        refusal(cast.outsider.post(f"/suggestions/{one}/{verb}"), 404, "no_such_suggestion")
        refusal(cast.nobody.post(f"/suggestions/{one}/{verb}"), 401, "unauthenticated")


# --- Splitting ---------------------------------------------------------------------------------------
def test_case_05_a_split_keeps_its_contributors(cast: Cast, submitted: Draft):
    Channel.objects.create(brand=cast.brand, key="console", name="Console", network="console")
    made = submitted(channels=["demo", "console"])
    answer = cast.ines.post(f"/posts/{made['id']}/split", {"channels": ["console"]}, If_Match='"1"')
    assert answer.status_code == 201, answer.content
    part, rest = answer.json(), cast.ines.get(f"/posts/{made['id']}").json()
    assert (part["channels"], rest["channels"]) == (["console"], ["demo"])
    assert {part["state"], rest["state"]} == {"in_review"}
    assert len({made["revision"]["digest"], part["revision"]["digest"], rest["revision"]["digest"]}) == 3
    for one in (part, rest):
        refusal(cast.ines.post(f"/posts/{one['id']}/decisions", a_word(one)), 403, "contributor")
    refusal(cast.ines.post(f"/posts/{made['id']}/split", {"channels": ["demo"]}), 422, "bad_split")
    refusal(
        cast.ines.post(f"/posts/{made['id']}/split", {"channels": ["demo"]}, If_Match='"1"'),
        412,
        "stale_revision",
    )
    refusal(cast.outsider.post(f"/posts/{made['id']}/split", {"channels": ["demo"]}), 404, "no_such_post")
