"""Says the gate's reasons in words a junior understands: what is missing, and who could give it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from approvals.gate import Code, Reason, Verdict
from approvals.models import Level
from approvals.naming import domain_name
from posts.models import Kind, Post, Product


def level_name(level: int) -> str:
    return str(Level(level).label)


def names_of(people: Iterable[int]) -> dict[int, str]:
    """The names behind people's numbers, in one query."""
    return dict(User.objects.filter(pk__in=set(people)).values_list("pk", "name"))


def product_names(brand_id: int) -> dict[str, str]:
    return dict(Product.objects.filter(brand_id=brand_id).values_list("key", "name"))


def listed(names: list[str]) -> str:
    """“A”, “A or B”, “A, B or C”."""
    if len(names) < 2:
        return "".join(names)
    return _("%(first)s or %(last)s") % {"first": ", ".join(names[:-1]), "last": names[-1]}


def conjoined(names: list[str]) -> str:
    """“A”, “A and B”, “A, B and C”."""
    if len(names) < 2:
        return "".join(names)
    return _("%(some)s and %(last)s") % {"some": ", ".join(names[:-1]), "last": names[-1]}


class Words:
    """The names that the sentences about one post need, loaded once."""

    def __init__(self, products: Mapping[str, str], names: Mapping[int, str]) -> None:
        self.products, self.names = products, names

    @classmethod
    def about(cls, post: Post, verdict: Verdict) -> Words:
        people = {person for reason in verdict.reasons for person in reason.could}
        people |= {int(reason.params["ends"]) for reason in verdict.reasons if "ends" in reason.params}
        return cls(product_names(post.brand_id), names_of(people))

    def sentence(self, reason: Reason) -> str:
        """What is missing, then who could give it, then what to do."""
        return " ".join(part for part in (self._what(reason), self._who(reason)) if part)

    def _what(self, reason: Reason) -> str:
        params = reason.params
        match reason.code:
            case Code.MISSING_REQUIREMENT:
                return ngettext(
                    "%(n)s more approval is needed from somebody %(level)s in %(domain)s.",
                    "%(n)s more approvals are needed from people %(level)s in %(domain)s.",
                    int(params["missing"]),
                ) % self._requirement(params)
            case Code.ENDS_BEFORE_SLOT:
                return _(
                    "The approval of %(who)s for %(domain)s will no longer count at the slot: approve again "
                    "closer to it, or choose an earlier slot."
                ) % {**self._requirement(params), "who": self.names.get(int(params.get("ends", 0)), "?")}
            case Code.MISSING_PEOPLE:
                return ngettext(
                    "%(n)s more person must read and approve it: this kind of post takes %(needed)s.",
                    "%(n)s more people must read and approve it: this kind of post takes %(needed)s.",
                    int(params["missing"]),
                ) % {"n": params["missing"], "needed": params["needed"]}
            case Code.BLOCKED:
                return self._blocked(params)
            case _:
                return self._plain(reason)

    def _requirement(self, params: Mapping[str, str | int]) -> dict[str, str | int]:
        return {
            "n": params["missing"],
            "level": level_name(int(params["level"])),
            "domain": domain_name(str(params["domain"]), self.products),
        }

    def _blocked(self, params: Mapping[str, str | int]) -> str:
        match params.get("blocker"):
            case "veto":
                return _("%(who)s objects: “%(why)s”. They can take it back.") % {**params}
            case "changes_requested":
                return _("%(who)s asks for changes: “%(why)s”. Edit the post, then they read it again.") % {
                    **params
                }
            case "held":
                return _("Somebody has put it on hold.")
            case "paused":
                return _("Everything here is paused (%(why)s).") % {"why": params.get("why") or "–"}
            case "stopped":
                return _("This brand is stopped. An owner can start it again.")
            case _:
                return _("Something stops it. Ask an owner of the brand what it is.")

    def _plain(self, reason: Reason) -> str:
        plain = {
            Code.NOT_SEALED: _("It has not been submitted for review yet: submit it first."),
            Code.FROZEN: _(
                "An incident is open: everything but a crisis statement waits until it is lifted, "
                "and is then read again."
            ),
            Code.NOT_RELEASED: _("It is approved; a qualified person must still press release."),
            Code.OUTSIDE_WINDOW: _(
                "Its slot lies outside the window it was approved for: choose another slot."
            ),
            Code.UNKNOWN_KIND: _(
                "The policy does not say what this kind of post needs: an owner must complete it."
            ),
            Code.NO_REQUIREMENTS: _(
                "The policy asks for nothing, so nothing may go out: an owner must complete it."
            ),
            Code.ERROR: _(
                "The gate could not be evaluated, so it stays closed. Tell whoever runs this place."
            ),
        }
        return plain.get(reason.code, "")

    def _who(self, reason: Reason) -> str:
        names = [self.names[person] for person in reason.could if person in self.names]
        if reason.code in {Code.BLOCKED, Code.FROZEN}:
            return self._who_lifts(str(reason.params.get("blocker", reason.code.value)), names)
        if names and len(reason.could) < int(reason.params.get("missing", 0)):
            return _(
                "%(names)s could, and nobody else present could: an owner can invite or entrust somebody, "
                "or choose a later slot."
            ) % {"names": conjoined(names)}
        if names:
            return _("%(names)s could.") % {"names": listed(names)}
        if reason.code in {Code.MISSING_REQUIREMENT, Code.MISSING_PEOPLE, Code.NOT_RELEASED}:
            return _("Nobody present could: an owner can invite or entrust somebody, or choose a later slot.")
        return ""

    def _who_lifts(self, what: str, names: list[str]) -> str:
        """Who could take a blocker away."""
        by = {
            "veto": _("%(names)s could lift it, with a reason."),
            "held": _("%(names)s could resume it."),
            "paused": _("%(names)s could end the pause."),
            "frozen": _("%(names)s could lift it, with a second person."),
        }
        nobody = {
            "veto": _("Nobody else present knows as much: an owner can invite or entrust somebody."),
            "held": _("Nobody present could resume it: an owner can invite or entrust somebody."),
            "paused": _("Nobody present could end the pause: an owner can invite or entrust somebody."),
            "frozen": _(
                "Nobody present could lift it: an owner can invite somebody who knows crises; "
                "after 24 hours an owner and a mentor suffice."
            ),
        }
        return by[what] % {"names": listed(names)} if names and what in by else nobody.get(what, "")


def sentences(verdict: Verdict, post: Post) -> list[str]:
    """Every reason of a verdict, in the active language."""
    words = Words.about(post, verdict)
    return [words.sentence(reason) for reason in verdict.reasons]


def kind_name(kind: str) -> str:
    return str(Kind(kind).label) if kind in Kind.values else kind
