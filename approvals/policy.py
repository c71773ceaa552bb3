"""The rules of a brand as validated data, the presets they start from, and their expansion.

A policy maps each kind of post to requirements, to M distinct people and to how long an approval
lives; a facet (a product, a topic, a network) may add requirements. `channel:*` and `product:*` stand
for each of the post's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from accounts.refusals import Invalid
from approvals.gate import Requirement, Rule
from posts.models import Kind

_KEY = r"[a-z0-9]+(?:[_-][a-z0-9]+)*"
_DOMAIN = re.compile(rf"craft|company|crisis|channel:\*|product:\*|(?:channel|product|topic):{_KEY}")
_FACET = re.compile(rf"(?:channel|product|topic):{_KEY}")
DAY, HOUR = 24 * 60, 60
# The name of rules that were written and not chosen from the presets.
OWN: Final = "own"


class Demand(BaseModel):
    """`n` people with `domain` at `level` or above."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    domain: str
    level: int = Field(ge=1, le=3)
    n: int = Field(default=1, ge=1, le=9)

    @field_validator("domain")
    @classmethod
    def known(cls, value: str) -> str:
        if not _DOMAIN.fullmatch(value):
            raise ValueError(_("No domain of expertise is called “%(name)s”.") % {"name": value[:40]})
        return value


class KindRule(BaseModel):
    """What one kind of post demands."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    requirements: tuple[Demand, ...] = Field(min_length=1)
    people: int = Field(ge=1, le=9)
    ttl_minutes: int = Field(ge=1, le=365 * DAY)
    person_releases: bool = False
    contributor_covers: bool = False


class Rules(BaseModel):
    """A whole policy."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    preset: str = Field(default=OWN, max_length=40)
    kinds: dict[Kind, KindRule] = Field(min_length=1)
    facets: dict[str, tuple[Demand, ...]] = Field(default_factory=dict, max_length=200)
    light_correction: bool = False
    reauthenticate: bool = False

    @field_validator("facets")
    @classmethod
    def facets_exist(cls, value: dict[str, tuple[Demand, ...]]) -> dict[str, tuple[Demand, ...]]:
        """A facet that no post can have would ask for something and never be heard."""
        for name in value:
            if not _FACET.fullmatch(name):
                raise ValueError(_("No facet of a post is called “%(name)s”.") % {"name": name[:40]})
        return value

    @model_validator(mode="after")
    def loosens_nothing(self) -> Rules:
        for kind, rule in self.kinds.items():
            if rule.contributor_covers and kind not in {Kind.ROUTINE, Kind.REPLY}:
                raise ValueError(
                    _("Only for routine posts and replies may a contributor's own expertise cover.")
                )
        return self


def _demands(*entries: tuple[str, int] | tuple[str, int, int]) -> list[dict[str, Any]]:
    return [{"domain": one[0], "level": one[1], "n": one[2] if len(one) > 2 else 1} for one in entries]


_ROUTINE = _demands(("craft", 2), ("channel:*", 2), ("company", 2))
TEAM: Final[dict[str, Any]] = {
    "preset": "team",
    "kinds": {
        "routine": {"requirements": _ROUTINE, "people": 1, "ttl_minutes": 45 * DAY},
        "launch": {
            "requirements": [*_ROUTINE, *_demands(("product:*", 2))],
            "people": 2,
            "ttl_minutes": 14 * DAY,
        },
        "reply": {
            "requirements": _demands(("craft", 2), ("channel:*", 2), ("product:*", 2)),
            "people": 1,
            "ttl_minutes": 12 * HOUR,
        },
        "sensitive_reply": {
            "requirements": [*_ROUTINE, *_demands(("product:*", 2), ("crisis", 2))],
            "people": 2,
            "ttl_minutes": 4 * HOUR,
        },
        "crisis": {
            "requirements": _demands(
                ("craft", 2),
                ("channel:*", 2),
                ("company", 3),
                ("product:*", 2),
                ("crisis", 2, 2),
                ("crisis", 3),
            ),
            "people": 2,
            "ttl_minutes": 60,
            "person_releases": True,
        },
    },
    "light_correction": True,
}


def _duo() -> dict[str, Any]:
    kinds = {
        name: {**rule, "contributor_covers": name in {"routine", "reply"}}
        for name, rule in TEAM["kinds"].items()
    }
    return {**TEAM, "preset": "duo", "kinds": kinds}


def _regulated() -> dict[str, Any]:
    kinds = {name: {**rule, "people": max(2, rule["people"])} for name, rule in TEAM["kinds"].items()}
    return {
        **TEAM,
        "preset": "regulated",
        "kinds": kinds,
        "facets": {"topic:legal": _demands(("topic:legal", 2))},
        "light_correction": False,
        "reauthenticate": True,
    }


def _agency() -> dict[str, Any]:
    kinds = {
        name: {**rule, "requirements": [*rule["requirements"], *_demands(("topic:client", 2))]}
        for name, rule in TEAM["kinds"].items()
    }
    return {**TEAM, "preset": "agency", "kinds": kinds, "light_correction": False}


PRESETS: Final[Mapping[str, dict[str, Any]]] = {
    "duo": _duo(),
    "team": TEAM,
    "agency": _agency(),
    "regulated": _regulated(),
}


_FAULTS: Final[Mapping[str, str]] = {
    "missing": gettext_noop("This is needed."),
    "extra_forbidden": gettext_noop("There is no field of this name."),
    "too_short": gettext_noop("At least one is needed."),
    "too_long": gettext_noop("These are too many."),
    "greater_than_equal": gettext_noop("This number is too small."),
    "less_than_equal": gettext_noop("This number is too large."),
    "enum": gettext_noop("There is no kind of post of this name."),
    "int_type": gettext_noop("This must be a whole number."),
    "int_parsing": gettext_noop("This must be a whole number."),
    "int_from_float": gettext_noop("This must be a whole number."),
    "string_type": gettext_noop("This must be text."),
    "bool_type": gettext_noop("This must be true or false."),
    "bool_parsing": gettext_noop("This must be true or false."),
    "dict_type": gettext_noop("This must be an object."),
    "model_type": gettext_noop("This must be an object."),
    "tuple_type": gettext_noop("This must be a list."),
}


def _fault(error: Any) -> tuple[str, str]:
    """(the field, in points: rules.kinds.routine.people; what is wrong with it)."""
    place = ".".join(["rules", *(str(part) for part in error["loc"] if part != "[key]")])
    said = error.get("ctx", {}).get("error") if error["type"] == "value_error" else None
    return place, str(said) if said else _(_FAULTS.get(error["type"], gettext_noop("This cannot be read.")))


def read_rules(data: object) -> Rules:
    """The validated rules. Raises Invalid for an empty or malformed policy, with every fault at its field."""
    try:
        return Rules.model_validate(data)
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for one in error.errors():
            place, what = _fault(one)
            fields.setdefault(place, []).append(what)
        first = next(iter(fields))
        sentence = _("This policy cannot be used: %(where)s: %(what)s") % {
            "where": first,
            "what": fields[first][0],
        }
        raise Invalid("bad_policy", sentence, fields=fields) from error


def _expanded(demand: Demand, networks: Sequence[str], products: Sequence[str]) -> Iterable[Requirement]:
    own = {"channel:*": ("channel", networks), "product:*": ("product", products)}.get(demand.domain)
    if own is None:
        return [Requirement(demand.domain, demand.level, demand.n)]
    prefix, keys = own
    return [Requirement(f"{prefix}:{key}", demand.level, demand.n) for key in sorted(set(keys))]


def rule_for(
    rules: Rules, kind: str, networks: Sequence[str], products: Sequence[str], topics: Sequence[str]
) -> Rule | None:
    """The rule for one post: the union over its facets, so that a facet more never asks for less.
    None when the policy does not know the kind."""
    of_kind = rules.kinds.get(Kind(kind)) if kind in Kind.values else None
    if of_kind is None:
        return None
    demands = list(of_kind.requirements)
    for facet in (
        *(f"topic:{key}" for key in topics),
        *(f"product:{key}" for key in products),
        *(f"channel:{key}" for key in networks),
    ):
        demands += rules.facets.get(facet, ())
    most: dict[tuple[str, int], int] = {}
    for demand in demands:
        for one in _expanded(demand, networks, products):
            key = (one.domain, one.level)
            most[key] = max(most.get(key, 0), one.n)
    return Rule(
        requirements=tuple(Requirement(domain, level, n) for (domain, level), n in most.items()),
        people=of_kind.people,
        ttl=timedelta(minutes=of_kind.ttl_minutes),
        person_releases=of_kind.person_releases,
        contributor_covers=of_kind.contributor_covers,
    )


def asks_for_less(new: Rule | None, old: Rule | None) -> bool:
    """Whether `new` lets something through that `old` would not: then it is a lowering."""
    if old is None:
        return False
    if new is None or new.people < old.people or new.ttl > old.ttl:
        return True
    if (old.person_releases and not new.person_releases) or (
        new.contributor_covers and not old.contributor_covers
    ):
        return True
    return any(
        not any(
            other.domain == one.domain and other.level >= one.level and other.n >= one.n
            for other in new.requirements
        )
        for one in old.requirements
    )
