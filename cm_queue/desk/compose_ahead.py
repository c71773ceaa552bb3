"""What the writer sees beside the form: what the public would see, who would have to say yes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.base import Count, Payload
from approvals.foreseeing import Foresight, Lesson, foresee
from approvals.gate import Coverage
from approvals.wording import names_of, product_names
from cm_queue.desk import signs
from cm_queue.desk.compose_sheet import Read, Sheet
from posts.models import Channel, Contribution
from posts.rendering import counts_of, payload_of


@dataclass(frozen=True, slots=True)
class Look:
    """One channel's preview."""

    channel: Channel
    payload: Payload
    counts: Sequence[Count]


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


def look_ahead(sheet: Sheet, read: Read) -> Ahead:
    networks = [channel.network for channel in read.channels]
    fields = read.fields
    foresight = foresee(
        sheet.brand, sheet.user, fields["kind"], networks, fields["products"], fields["topics"],
        at=fields["slot"], contributors=_contributors(sheet),
    )  # fmt: skip
    coverage = foresight.reading.coverage
    people = {one for covered in coverage for one in (*covered.could, *covered.away, *covered.covered_by)}
    names, products = names_of(people), product_names(sheet.brand.pk)
    away = sorted({names[one] for covered in coverage for one in covered.away if one in names})
    return Ahead(
        looks=[
            Look(one, payload_of(read.content, one), counts_of(read.content, one)) for one in read.channels
        ],
        foresight=foresight,
        rows=requirement_rows(coverage, names, products),
        away=away,
        path=[names[one] for one in foresight.path if one in names],
        lessons=[(domain_label(one.domain, products), one) for one in foresight.lessons],
    )


def _contributors(sheet: Sheet) -> set[int]:
    if sheet.post is None:
        return set()
    rows = Contribution.objects.filter(lineage_id=sheet.post.lineage_id, light=False).select_related("user")
    return {row.user.person_id for row in rows}


def requirement_rows(
    coverage: Iterable[Coverage], names: Mapping[int, str], products: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The gate's coverage as the requirement component draws it."""
    return [
        {
            "domain": covered.requirement.domain,
            "label": domain_label(covered.requirement.domain, products),
            "level": covered.requirement.level,
            "covered_by": [names[one] for one in covered.covered_by if one in names],
            "missing": covered.missing,
            "could": [names[one] for one in covered.could if one in names],
        }
        for covered in coverage
    ]


def domain_label(domain: str, products: Mapping[str, str]) -> str:
    """A domain by its proper name: a product's own, a network's, or the trade's word."""
    prefix, _sep, key = domain.partition(":")
    return products.get(key, signs.domain_name(domain)) if prefix == "product" else signs.domain_name(domain)
