"""One post in a list: when, what, and what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Brand
from approvals.gate import Verdict
from approvals.models import Decision
from approvals.routing import counts_for, waits_for
from approvals.wording import Words, kind_name, listed
from cm_queue.desk.checking import label, named
from cm_queue.desk.explaining import Telling, why_not_out
from cm_queue.desk.queueing import Judged
from cm_queue.desk.queueing import yours as coverable
from posts.lifecycle import PostState
from posts.models import Channel, Post
from posts.titling import title_of

_OBJECTED = {PostState.CHANGES_REQUESTED, PostState.REJECTED}


@dataclass(frozen=True, slots=True)
class Row:
    """What stands in a row's columns. `yours` is what the reader could give, `others` what would be
    missing then and from whom, `sentence` why it is not out, `said` the objection to answer."""

    post: Post
    title: str
    kind: str
    networks: Sequence[tuple[str, str]]
    met: int
    needed: int
    yours: str
    others: str
    sentence: str = ""
    said: Decision | None = None
    for_you: bool = False

    @property
    def slot(self) -> datetime | None:
        return self.post.slot

    @property
    def past(self) -> bool:
        return self.post.slot is not None and self.post.slot <= timezone.now()

    @property
    def missing(self) -> int:
        return self.needed - self.met


@dataclass(frozen=True, slots=True)
class Lister:
    """Makes the rows of one page for one reader, from names that were loaded once."""

    person: int
    words: Words
    networks: Mapping[str, tuple[str, str]]
    telling: Telling

    def row(self, judged: Judged, *, said: Decision | None = None, why: bool = False) -> Row:
        post, verdict = judged.post, judged.verdict
        keys = post.revision.content["channels"] if post.revision else []
        return Row(
            post=post,
            title=title_of(post),
            kind=kind_name(post.kind),
            networks=[self.networks[key] for key in keys if key in self.networks],
            met=judged.met,
            needed=len(judged.coverage),
            yours=self._yours(verdict),
            others=self._others(verdict),
            sentence=why_not_out(post, verdict, self.telling) if why else "",
            said=said if post.lifecycle in _OBJECTED else None,
            for_you=waits_for(verdict, self.person),
        )

    def _yours(self, verdict: Verdict) -> str:
        """« métier 2, entreprise 2 », "everything", "a second reading", or nothing."""
        could = coverable(verdict, self.person)
        missing = [one for one in verdict.reading.coverage if one.missing]
        if not could:
            return _("a second reading") if counts_for(verdict, self.person) else ""
        if len(could) == len(missing) and len(could) > 1:
            return _("everything")
        return ", ".join(label(one, self.words) for one in could)

    def _others(self, verdict: Verdict) -> str:
        """« Sofia ou Hugo : Lampe Aurore 2 », the first two."""
        coverage = verdict.reading.coverage
        left = [one for one in coverage if one.missing and self.person not in (*one.could, *one.away)]
        parts = []
        for one in left[:2]:
            who = listed(named(one.could, self.words)) or _("nobody present")
            parts.append(_("%(who)s: %(what)s") % {"who": who, "what": label(one, self.words)})
        return ", ".join(parts)


def networks_of(channels: Sequence[Channel]) -> dict[str, tuple[str, str]]:
    """{channel key: (network, name)}"""
    return {one.key: (one.network, one.name) for one in channels}


def channels_in(brand: Brand) -> list[Channel]:
    return list(Channel.objects.filter(brand=brand, is_active=True).select_related("health").order_by("name"))
