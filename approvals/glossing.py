"""Keeps the lexicon of a brand: which words raise which facet.

A rule more only ever asks for more, so one mentor or owner adds it. A rule less loosens: it is asked for by
one of them, with a reason, and done by a second, as a change of policy is (docs/decisions/lexicon.md).
Posts keep the facets they have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Brand, User
from accounts.policies import demand_member, is_alone, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.levels import owners_and_holders, owns_or_holds
from approvals.models import Level
from approvals.wording import listed
from journal.recording import Actor, record
from journal.telling import tell
from posts.bounding import LONGEST, fault_in
from posts.lexicon import first_rules, tokens_of
from posts.marking import SEVERITY
from posts.models import Kind, LexiconRule, Product, RuleForm

MOST_RULES: Final = 500
_TOPIC = re.compile(r"topic:[a-z0-9]+(-[a-z0-9]+)*")


def may_keep(user: User, brand: Brand) -> bool:
    """Mentors of any domain, and owners."""
    return owns_or_holds(user, brand, Level.MENTOR)


def keepers(brand: Brand, *, but: User | None = None) -> list[User]:
    """Everybody who may, by account; `but` leaves a person out."""
    return owners_and_holders(brand, Level.MENTOR, but=but)


def _demand_keeper(actor: User, brand: Brand) -> None:
    demand_member(actor, brand)
    if not may_keep(actor, brand):
        raise Forbidden("keepers_only", _("Only a mentor or an owner changes the lexicon."))


def begin(actor: Actor, brand: Brand) -> None:
    """The rules a new brand begins with. A brand that ever had any keeps what it has."""
    if LexiconRule.objects.filter(brand=brand).exists():
        return
    products = dict(Product.objects.filter(brand=brand).values_list("key", "name"))
    rules = first_rules(products)
    LexiconRule.objects.bulk_create(
        LexiconRule(brand=brand, form=form, text=text, facet=facet) for form, text, facet in rules
    )
    record("lexicon.begin", actor, brand, f"brand:{brand.pk}", rules=len(rules))


# --- Adding -------------------------------------------------------------------------------------
def add(actor: User, brand: Brand, text: str, facet: str, *, form: str = RuleForm.WORDS.value) -> LexiconRule:
    """One rule more. Raises Forbidden, Invalid, Refused `rule_exists`."""
    with transaction.atomic():
        _demand_keeper(actor, brand)
        return _add(actor, brand, _read_text(text, form), read_facet(brand, facet), form)


def _add(actor: User, brand: Brand, text: str, facet: str, form: str) -> LexiconRule:
    # One keeper at a time: the brand's row is what their additions have in common.
    Brand.objects.select_for_update().values_list("pk").get(pk=brand.pk)
    there = LexiconRule.objects.filter(brand=brand, ended_at__isnull=True)
    if there.filter(form=form, text=text, facet=facet).exists():
        raise Refused("rule_exists", _("The lexicon has this rule already."))
    if there.count() >= MOST_RULES:
        raise Refused("lexicon_full", _("A lexicon has at most %(most)s rules.") % {"most": MOST_RULES})
    made = LexiconRule.objects.create(brand=brand, form=form, text=text, facet=facet, added_by=actor)
    record("lexicon.add", actor, brand, f"rule:{made.pk}", text=text, form=form, facet=facet)
    return made


def _read_text(text: str, form: str) -> str:
    words = read_words(text, "text", most=LONGEST, code="bad_rule")
    sentence = ""
    if form not in RuleForm.values:
        raise Invalid("bad_rule", _("Choose words or a pattern."), fields={"form": [_("Choose one.")]})
    if form == RuleForm.PATTERN:
        sentence = _fault(words)
    elif not tokens_of(words):
        sentence = _("Write at least a word.")
    else:
        words = " ".join(words.split())
    if sentence:
        raise Invalid("bad_rule", sentence, fields={"text": [sentence]})
    return words


def _fault(pattern: str) -> str:
    if not pattern:
        return _("Write at least a word.")
    return {
        "unreadable": _("This pattern cannot be read as a regular expression."),
        "matches_nothing": _("This pattern fits an empty text, and so would fit every post."),
        "too_slow": _(
            "This pattern could take too long on some texts. Repeat nothing inside what is repeated, "
            "and do not refer back."
        ),
    }.get(fault_in(pattern), "")


def read_facet(brand: Brand, facet: str) -> str:
    """The facet's name: "launch" (or "kind:launch"), "product:<key>", "topic:<key>". Raises Invalid."""
    name = facet.strip().removeprefix("kind:")
    prefix, _sep, key = name.partition(":")
    if SEVERITY.get(name, 0) > 0 or _TOPIC.fullmatch(name):
        return name
    if prefix == "product" and Product.objects.filter(brand=brand, key=key).exists():
        return name
    sentence = _("Choose a kind of post, one of the brand's products, or a topic such as topic:legal.")
    raise Invalid("unknown_facet", sentence, fields={"facet": [sentence]})


def facets_on_offer(brand: Brand) -> list[tuple[str, str]]:
    """(name, words) of the facets that a rule may raise."""
    kinds = [(one.value, str(one.label)) for one in Kind if SEVERITY[one] > 0]
    products = [(f"product:{one.key}", one.name) for one in brand.products.order_by("name")]
    topics = LexiconRule.objects.filter(brand=brand, facet__startswith="topic:").values_list(
        "facet", flat=True
    )
    return [
        *kinds,
        *products,
        *((one, one.removeprefix("topic:")) for one in sorted({*topics, "topic:legal"})),
    ]


# --- Ending -------------------------------------------------------------------------------------
def end(actor: User, pk: int, reason: str = "") -> LexiconRule:
    """Asks for the end of a rule; said by a second person, ends it. Where there is only one person, at once.

    Raises Invalid without a reason from whoever asks first, Refused `second_person` to the same person
    again, Forbidden, NotHere."""
    why = read_words(reason, most=300)
    with transaction.atomic():
        row = _locked(actor, pk)
        asked = row.ending_asked_by
        if asked is None:
            _demand_reason(why)
            row.ending_asked_by, row.ending_asked_at, row.ending_reason = actor, database_now(), why
            row.save(update_fields=["ending_asked_by", "ending_asked_at", "ending_reason"])
            record(
                "lexicon.ask_end",
                actor,
                row.brand,
                f"rule:{pk}",
                text=row.text,
                facet=row.facet,
                personal=why,
            )
            if not is_alone(row.brand):
                others = keepers(row.brand, but=actor)
                tell(others, row.brand, "lexicon.ask_end", who=actor.name, text=row.text)
                return row
        elif asked.person_id == actor.person_id and not is_alone(row.brand):
            raise Refused("second_person", _ask_another(row.brand, actor))
        row.ended_by, row.ended_at = actor, database_now()
        row.save(update_fields=["ended_by", "ended_at"])
        record("lexicon.end", actor, row.brand, f"rule:{pk}", text=row.text, facet=row.facet)
    return row


def keep(actor: User, pk: int) -> LexiconRule:
    """The rule stays: whoever may end it may also say no."""
    with transaction.atomic():
        row = _locked(actor, pk)
        if row.ending_asked_by is None:
            raise Refused("not_asked", _("Nobody asked for the end of this rule."))
        asker = row.ending_asked_by
        row.ending_asked_by, row.ending_asked_at, row.ending_reason = None, None, ""
        row.save(update_fields=["ending_asked_by", "ending_asked_at", "ending_reason"])
        record("lexicon.keep", actor, row.brand, f"rule:{pk}", text=row.text, facet=row.facet)
        tell(
            [asker] if asker.person_id != actor.person_id else [],
            row.brand,
            "lexicon.keep",
            who=actor.name,
            text=row.text,
        )
    return row


def change(actor: User, pk: int, text: str, facet: str, *, form: str, reason: str) -> LexiconRule:
    """Another rule in the place of this one: it is in force at once, beside the old one until a second
    person agrees to its end. Answers the new rule."""
    with transaction.atomic():
        old = _locked(actor, pk)
        made = _add(actor, old.brand, _read_text(text, form), read_facet(old.brand, facet), form)
        if old.ending_asked_by is None:
            end(actor, pk, reason)
    return made


def _locked(actor: User, pk: int) -> LexiconRule:
    LexiconRule.objects.select_for_update().values_list("pk").filter(pk=pk).first()
    row = LexiconRule.objects.select_related("brand", "ending_asked_by").filter(pk=pk).first()
    if row is None or membership_in(actor, row.brand) is None:
        raise NotHere("no_such_rule", _("There is no such rule."))
    _demand_keeper(actor, row.brand)
    if row.ended_at is not None:
        raise Refused("already_ended", _("This rule has already ended."))
    return row


def _demand_reason(why: str) -> None:
    if not why:
        sentence = _("Say in a sentence why these words need no longer raise anything.")
        raise Invalid("reason_needed", sentence, fields={"reason": [sentence]})


def _ask_another(brand: Brand, actor: User) -> str:
    sentence = _("You asked for it: a second person ends it.")
    return " ".join([sentence, *_names(keepers(brand, but=actor))])


def _names(users: Iterable[User]) -> list[str]:
    names = sorted(user.name for user in users)
    return [_("%(who)s could.") % {"who": listed(names)}] if names else []
