"""Routes that say what a post is about, and which words say so: facets, the lexicon, splitting."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

from approvals import classifying, glossing, splitting
from cm_queue.api import answers, shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import FacetsIn, RuleIn, SplitIn, TryIn
from cm_queue.api.calling import Draft, Manage, Read, brand_named, caller, demand_here, revision_seen
from cm_queue.api.drafting import answer_with_tag, post_here
from cm_queue.api.paging import Cursor, Limit, by_id
from posts.lexicon import try_text
from posts.models import LexiconRule, RuleForm

router = Router(tags=["facets"])


@router.post("/posts/{int:pk}/facets", response=shapes.Post, auth=Draft())
def change_facets(request: HttpRequest, pk: int, body: FacetsIn) -> shapes.Post:
    """What the post is about: kind, products, topics. Anybody raises what it asks for; only somebody
    qualified who did not write it lowers it, with a `reason` (403 `facet_lowered`, 422 `reason_needed`)."""
    post_here(request, pk)
    classifying.classify(caller(request), pk, body.as_draft(), body.reason, seen=revision_seen(request))
    return answers.post(pk)


@router.post("/posts/{int:pk}/split", response={201: shapes.Post}, auth=Draft())
def split_post(request: HttpRequest, response: HttpResponse, pk: int, body: SplitIn) -> Status[shapes.Post]:
    """Takes these channels into a new post of the same lineage, and leaves the post the others. Both are
    new digests, to be approved. Answers the new post; 409 `already_out` once any of it may be public."""
    post_here(request, pk)
    fresh = splitting.split(caller(request), pk, body.channels, seen=revision_seen(request))
    return Status(201, answer_with_tag(response, fresh.pk))


# --- The lexicon ----------------------------------------------------------------------------------
def _rule(row: LexiconRule) -> shapes.LexiconRule:
    return {
        "id": row.pk,
        "words": row.text if row.form == RuleForm.WORDS else None,
        "pattern": row.text if row.form == RuleForm.PATTERN else None,
        "facet": row.facet,
        "added_by": person(row.added_by) if row.added_by else None,
        "added_at": instant(row.added_at),
        "ending_asked_by": person(row.ending_asked_by) if row.ending_asked_by else None,
        "ending_reason": row.ending_reason,
        "ended_by": person(row.ended_by) if row.ended_by else None,
        "ended_at": instant_or_none(row.ended_at),
    }


@router.get("/brands/{slug}/lexicon", response=shapes.Page[shapes.LexiconRule], auth=Read())
def read_lexicon(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 200
) -> shapes.Page[shapes.LexiconRule]:
    """The rules in force: words or a pattern, and the facet that they raise."""
    rows = LexiconRule.objects.filter(brand=brand_named(request, slug), ended_at__isnull=True)
    page, after = by_id(rows.select_related("added_by", "ending_asked_by", "ended_by"), cursor, limit)
    return {"items": [_rule(row) for row in page], "next": after}


@router.post("/brands/{slug}/lexicon", response={201: shapes.LexiconRule}, auth=Manage())
def add_rule(request: HttpRequest, slug: str, body: RuleIn) -> Status[shapes.LexiconRule]:
    """One rule more, by a mentor or an owner. Posts are read with it when they are next saved or submitted."""
    form = RuleForm.PATTERN if body.pattern else RuleForm.WORDS
    brand = brand_named(request, slug)
    made = glossing.add(caller(request), brand, body.pattern or body.words, body.facet, form=form.value)
    return Status(201, _rule(made))


@router.post("/brands/{slug}/lexicon/try", response=list[shapes.Facet], auth=Read())
def try_lexicon(request: HttpRequest, slug: str, body: TryIn) -> list[shapes.Facet]:
    """Which facets a text would raise, and by which words. Writes nothing."""
    found = try_text(brand_named(request, slug).pk, body.text)
    return [{"facet": facet, "raised_by": None, "words": words} for facet, words in found.items()]


@router.delete(
    "/lexicon/{int:pk}", response={200: shapes.LexiconRule, 202: shapes.LexiconRule}, auth=Manage()
)
def end_rule(
    request: HttpRequest,
    pk: int,
    reason: Annotated[str, Query("", max_length=300, description="needed of the first")] = "",
) -> Status[shapes.LexiconRule]:
    """Asks for the end of a rule (202); said by a second mentor or owner, ends it (200)."""
    _rule_here(request, pk)
    row = glossing.end(caller(request), pk, reason)
    return Status(200 if row.ended_at else 202, _rule(row))


@router.post("/lexicon/{int:pk}/keep", response=shapes.LexiconRule, auth=Manage())
def keep_rule(request: HttpRequest, pk: int) -> shapes.LexiconRule:
    """The rule stays, though somebody asked for its end."""
    _rule_here(request, pk)
    return _rule(glossing.keep(caller(request), pk))


def _rule_here(request: HttpRequest, pk: int) -> None:
    brand_id = LexiconRule.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_rule", _("There is no such rule."))
