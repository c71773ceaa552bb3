"""The vetoes that hold a post, for people: who objects, on what it rests, who could lift it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django import forms

from accounts.models import User
from approvals.gate import Facts
from approvals.models import Override
from approvals.overriding import Veto, vetoes_of
from approvals.wording import Words
from cm_queue.desk.checking import domain_label, named
from cm_queue.desk.incident_forms import OverrideForm
from posts.models import Post


@dataclass(frozen=True, slots=True)
class Objection:
    """One veto. `left` and `yours` are « métier 3, entreprise 3 »; `elsewhere` when it was cast on another
    post of the lineage; `form` is there for those who may lift some of it."""

    veto: Veto
    left: str
    yours: str
    could: Sequence[str]
    lifted: Sequence[tuple[Override, str]]
    elsewhere: bool
    mine: bool
    form: forms.Form | None


def objections_to(
    post: Post, reader: User, facts: Facts, words: Words, bound: Mapping[str, forms.Form] | None = None
) -> list[Objection]:
    """`bound` are forms that were refused, by `override-<decision>`."""
    return [_objection(one, post, reader, words, bound or {}) for one in vetoes_of(post, reader, facts)]


def _objection(
    veto: Veto, post: Post, reader: User, words: Words, bound: Mapping[str, forms.Form]
) -> Objection:
    pk = veto.decision.pk
    form = bound.get(f"override-{pk}")
    if form is None and veto.mine:
        form = OverrideForm(initial={"decision": pk}, auto_id=f"override-{pk}-%s")
    return Objection(
        veto=veto,
        left=_levels(veto.left, words),
        yours=_levels({one: veto.left[one] for one in veto.mine}, words),
        could=named(veto.could, words),
        lifted=[(one, domain_label(one.domain, words)) for one in veto.decision.overrides.all()],
        elsewhere=veto.decision.post_id != post.pk,
        mine=veto.decision.user_id == reader.pk,
        form=form,
    )


def _levels(domains: Mapping[str, int], words: Words) -> str:
    return ", ".join(f"{domain_label(domain, words)} {level}" for domain, level in domains.items())
