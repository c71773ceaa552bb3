"""What the writer sees beside the form: what the public would see, who would have to say yes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.base import Count, Payload
from approvals.foreseeing import Foresight, Lesson, foresee
from approvals.gate import Coverage
from approvals.naming import domain_name
from approvals.wording import names_of, product_names
from cm_queue.desk.compose_sheet import Read, Sheet
from cm_queue.desk.facets import Line, lines_of_words
from cm_queue.desk.noting import notes_on
from posts.lexicon import by_facet, hits_of
from posts.marking import not_forgiven, raised
from posts.models import Channel, Contribution
from posts.recognising import Known, already_out
from posts.rendering import counts_of, fits_for, payload_of, price_of


@dataclass(frozen=True, slots=True)
class Look:
    """One channel's preview."""

    channel: Channel
    payload: Payload
    counts: Sequence[Count]
    price: Decimal | None
    # By the SHA-256 of a file: what was done so that the network takes it.
    notes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ahead:
    """Everything beside the form. `rows` as the requirement component takes them, `away` names of those
    who could but are absent at the slot, `path` names of the fewest people who would do."""

    looks: Sequence[Look]
    foresight: Foresight
    rows: Sequence[Mapping[str, Any]]
    away: Sequence[str]
    path: Sequence[str]
    lessons: Sequence[tuple[str, Lesson]]
    by_words: Sequence[Line] = ()
    # What is out already in these words, or nearly.
    known: Sequence[Known] = ()


def look_ahead(sheet: Sheet, read: Read) -> Ahead:
    networks = [channel.network for channel in read.channels]
    hits = not_forgiven(sheet.post, hits_of(sheet.brand.pk, read.content))
    fields: Any = raised(read.fields, hits)  # type: ignore[arg-type]
    foresight = foresee(
        sheet.brand, sheet.user, fields["kind"], networks, fields["products"], fields["topics"],
        at=fields["slot"], contributors=_contributors(sheet),
    )  # fmt: skip
    coverage = foresight.reading.coverage
    people = {one for covered in coverage for one in (*covered.could, *covered.away, *covered.covered_by)}
    names, products = names_of(people), product_names(sheet.brand.pk)
    away = sorted({names[one] for covered in coverage for one in covered.away if one in names})
    return Ahead(
        looks=_looks(read),
        foresight=foresight,
        rows=requirement_rows(coverage, names, products),
        away=away,
        path=[names[one] for one in foresight.path if one in names],
        lessons=[(domain_name(one.domain, products), one) for one in foresight.lessons],
        by_words=lines_of_words(by_facet(hits), products),
        known=already_out(read.content, read.channels, sheet.post.pk if sheet.post else None),
    )


def _looks(read: Read) -> list[Look]:
    content, fits = read.content, fits_for(read.content, read.channels)
    looks = []
    for one in read.channels:
        payload = payload_of(content, one, fits)
        notes = notes_on(content, payload.as_json(), one)
        looks.append(Look(one, payload, counts_of(content, one, fits), price_of(content, one, fits), notes))
    return looks


def _contributors(sheet: Sheet) -> set[int]:
    if sheet.post is None:
        # Whoever wrote the template it begins with will have written in it.
        return {one.person_id for one in sheet.template.writers.all()} if sheet.template else set()
    rows = Contribution.objects.filter(lineage_id=sheet.post.lineage_id, light=False).select_related("user")
    return {row.user.person_id for row in rows}


def requirement_rows(
    coverage: Iterable[Coverage], names: Mapping[int, str], products: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The gate's coverage as the requirement component draws it."""
    return [
        {
            "domain": covered.requirement.domain,
            "label": domain_name(covered.requirement.domain, products),
            "level": covered.requirement.level,
            "covered_by": [names[one] for one in covered.covered_by if one in names],
            "missing": covered.missing,
            "could": [names[one] for one in covered.could if one in names],
        }
        for covered in coverage
    ]
