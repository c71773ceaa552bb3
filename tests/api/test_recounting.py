"""The journal through the API."""

from __future__ import annotations

from django.db import connection
from django.test.utils import CaptureQueriesContext

from journal import triggers
from journal.models import Entry
from journal.sealing import seal
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal


def test_the_journal_tells_who_did_what(cast: Cast, submitted: Draft):
    made = submitted()
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made, "request_changes", comment="Plus court."))
    told = cast.marc.get(f"{HERE}/journal?post={made['id']}").json()
    verbs = [one["verb"] for one in told["items"]]
    assert verbs[-1] == "post.create"
    assert "decision.request_changes" in verbs
    decided = next(one for one in told["items"] if one["verb"] == "decision.request_changes")
    assert (decided["actor"]["name"], decided["text"], decided["post"]) == (
        "Nadia",
        "Plus court.",
        made["id"],
    )
    assert decided["sequence"] is None
    seal()
    assert cast.marc.get(f"{HERE}/journal?limit=1").json()["items"][0]["hash"]
    everything = cast.marc.get(f"{HERE}/journal?limit=200").json()
    assert any(one["actor"] is None and one["system"] == "installer" for one in everything["items"])


def test_it_is_read_page_by_page_newest_first(cast: Cast):
    ids, cursor = [], ""
    while cursor is not None:
        told = cast.ines.get(f"{HERE}/journal?limit=10&cursor={cursor}").json()
        ids += [one["id"] for one in told["items"]]
        cursor = told["next"]
    assert ids == list(Entry.objects.filter(brand=cast.brand).order_by("-pk").values_list("pk", flat=True))


def test_it_takes_as_many_queries_for_one_as_for_many(cast: Cast):
    counts = []
    for limit in (1, 40):
        with CaptureQueriesContext(connection) as queries:
            cast.ines.get(f"{HERE}/journal?limit={limit}")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_chain_is_verified(cast: Cast):
    seal()
    told = cast.ines.get(f"{HERE}/journal/verify").json()
    assert (told["ok"], told["fault"]) == (True, None)
    assert told["sealed"] == Entry.objects.filter(brand=cast.brand).count()


def test_an_altered_entry_is_named(cast: Cast):
    seal()
    entry = Entry.objects.filter(brand=cast.brand).order_by("pk")[3]
    triggers.remove(connection)
    Entry.objects.filter(pk=entry.pk).update(verb="post.retouched")
    told = cast.ines.get(f"{HERE}/journal/verify").json()
    assert told["ok"] is False
    assert told["fault"]["entry"] == entry.pk
    assert str(entry.pk) in told["fault"]["message"]
    triggers.install(connection)


def test_strangers_read_no_journal(cast: Cast):
    for path in ("journal", "journal/verify"):
        refusal(cast.outsider.get(f"{HERE}/{path}"), 404, "no_such_brand")
        refusal(cast.nobody.get(f"{HERE}/{path}"), 401, "unauthenticated")
