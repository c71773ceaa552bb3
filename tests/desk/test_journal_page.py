"""The journal page: found by what, who, where and when; paged; proved; taken away as a harmless table."""

from __future__ import annotations

import csv
import inspect
import io
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cm_queue.desk.journal_page import FAMILIES, PER_PAGE, VERBS, harmless
from journal import triggers
from journal.models import Entry
from journal.sealing import seal
from journal.wording import verb_name
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
JOURNAL, EXPORT, VERIFY = reverse("journal"), reverse("export_journal"), reverse("verify_journal")


def page(client: Client, url: str = JOURNAL, **filters: Any) -> str:
    answer = client.get(url, filters)
    assert answer.status_code == 200
    return unescape(answer.content.decode()).split('<ol class="entries', 1)[-1]


def table(client: Client, **filters: Any) -> list[dict[str, str]]:
    answer = client.get(EXPORT, filters)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def said(answer: Any) -> str:
    return " ".join(str(one) for one in get_messages(answer.wsgi_request))


def test_entries_say_who_did_what_and_what_they_said(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, "reject", "Jamais celles des autres.")
    html = page(enter(cast, "ines"))
    assert "<b>Nadia</b> rejected" in html
    assert "Jamais celles des autres." in html
    assert f"post {post.pk}" in html


def test_what_words_raised_is_told_by_the_names_that_people_know(cast: Cast):
    """Seen: “lexicon”, “product:lampe-aurore: lampe Aurore”."""
    cast.submitted("La lampe Aurore est en solde.")
    html = page(enter(cast, "ines"))
    assert "<b>the lexicon</b> raised what it is about" in html
    assert "launch or sale: solde; Lampe Aurore: lampe Aurore" in html
    assert "product:lampe" not in html.partition("<dl")[0]


@pytest.mark.parametrize(
    ("filters", "verbs"),
    [
        ({"verb": "decision.approve"}, {"decision.approve"}),
        ({"who": "marc"}, {"post.create", "post.submit"}),
        ({"since": "2099-01-01"}, set()),
        ({"until": "2001-01-01"}, set()),
        ({"who": "machine", "verb": "channel.add"}, {"channel.add"}),
    ],
)
def test_filters_find_what_they_say(cast: Cast, filters: dict[str, str], verbs: set[str]):
    cast.approved()
    cast.submitted(author=cast.marc)
    filters = {**filters, **({"who": str(cast.marc.pk)} if filters.get("who") == "marc" else {})}
    assert {row["verb"] for row in table(enter(cast, "olga"), **filters)} == verbs


def test_a_post_has_its_own_story(cast: Cast):
    first, second = cast.approved(), cast.approved(author=cast.marc)
    rows = table(enter(cast, "olga"), post=str(second.pk))
    assert rows
    assert {row["post"] for row in rows} == {str(second.pk)}
    assert first.pk != second.pk


def test_a_filter_that_cannot_be_read_says_so_and_filters_nothing(cast: Cast):
    answer = enter(cast, "ines").get(JOURNAL, {"since": "hier", "post": "-3"})
    assert answer.status_code == 200
    html = unescape(answer.content.decode())
    assert 'id="j-since_error"' in html
    assert "founding grant" in html


def test_pages_follow_one_another_without_gap_or_repetition(cast: Cast):
    ines = enter(cast, "ines")
    total = Entry.objects.filter(brand=cast.brand).count()
    assert PER_PAGE < total < 2 * PER_PAGE
    first = page(ines)
    rows = list(Entry.objects.filter(brand=cast.brand).order_by("-pk").values_list("pk", flat=True))
    second = page(ines, before=rows[PER_PAGE - 1])
    assert first.count("<li><time") == PER_PAGE
    assert second.count("<li><time") == total - PER_PAGE
    assert f"before={rows[PER_PAGE - 1]}" in first
    assert f"after={rows[PER_PAGE]}" in second
    back = page(ines, after=rows[PER_PAGE])
    assert back.count("<li><time") == PER_PAGE
    assert "Newer" not in back
    assert "Older" not in second


def test_a_longer_page_asks_no_more_of_the_database(cast: Cast):
    ines = enter(cast, "ines")
    page(ines)
    with CaptureQueriesContext(connection) as few:
        page(ines, verb="policy.adopt")
    with CaptureQueriesContext(connection) as many:
        page(ines)
    assert len(many) <= len(few)


def test_verifying_says_that_it_is_whole_or_names_the_broken_entry(cast: Cast):
    cast.submitted()
    while seal():
        pass
    ines = enter(cast, "ines")
    assert "The journal is whole" in said(ines.post(VERIFY))
    broken = Entry.objects.filter(brand=cast.brand, verb="post.submit").get()
    triggers.remove(connection)
    Entry.objects.filter(pk=broken.pk).update(verb="post.withdraw")
    triggers.install(connection)
    assert f"Entry {broken.pk} was altered" in said(ines.post(VERIFY))
    assert ines.get(VERIFY).status_code == 405


def test_no_cell_of_the_export_is_a_formula(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, "reject", '=HYPERLINK("https://evil.example")')
    rows = table(enter(cast, "olga"), verb="decision.reject")
    assert rows[0]["said"] == '\'=HYPERLINK("https://evil.example")'
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"):
        assert harmless(text) == f"'{text}"
    assert harmless("1+1") == "1+1"


def test_the_export_has_every_entry_oldest_first(cast: Cast):
    rows = table(enter(cast, "olga"))
    ids = [int(row["entry"]) for row in rows]
    assert ids == sorted(Entry.objects.filter(brand=cast.brand).values_list("pk", flat=True))


def test_every_verb_on_offer_has_a_name():
    verbs = [f"{family}.{one}" for family, ones in VERBS.items() for one in ones]
    assert [verb for verb in verbs if verb_name(verb) == verb] == []


def test_every_verb_of_the_journal_has_a_family():
    known = set(re.findall(r'"([a-z_]+)\.[a-z_]+": ', inspect.getsource(verb_name)))
    assert len(known) > 20
    assert known == VERBS.keys() == FAMILIES.keys()


def test_an_outsider_reads_nothing_of_it(cast: Cast):
    post = cast.submitted()
    zoe = enter(cast, "stranger")
    assert table(zoe, post=str(post.pk)) == []
    assert "Inès" not in page(zoe)
    assert Client().get(EXPORT).status_code == 302
