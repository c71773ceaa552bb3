"""Keeps a brand's stock of words: templates to begin a draft with, and pieces to put in.

Many write with them and trust them to be right, so they are kept by those whose word counts in the craft, and by
owners. They open nothing: what begins with one passes the gate as if it had been typed. And so that nobody lets
out their own words by another's hand, whoever wrote in a template contributes to what begins with it
(docs/decisions/templates.md).
"""

from __future__ import annotations

from typing import Any, Final, TypedDict

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Brand, User
from accounts.policies import demand_member, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused, Stale
from approvals.levels import owners_and_holders, owns_or_holds
from approvals.models import Level
from journal.recording import record
from posts.filling import as_draft
from posts.models import Kind, Snippet
from posts.reading import Reader

MOST_SNIPPETS: Final = 200
LONGEST_NAME: Final = 80
LONGEST_PIECE: Final = 1_000
LONGEST_TEMPLATE: Final = 10_000
LONGEST_LINK: Final = 2_000
_USE: Final = ("whole", "kind", "channels", "products", "topics", "link")


class Said(TypedDict, total=False):
    """What somebody says of one; what is left out stays as it was, or is empty. `kind`, `channels`, `products`,
    `topics` and `link` are a template's, as in a draft."""

    name: str
    whole: bool
    text: str
    kind: str
    channels: list[str]
    products: list[str]
    topics: list[str]
    link: str


def may_keep(user: User, brand: Brand) -> bool:
    """Whose word counts in the craft, and owners."""
    return owns_or_holds(user, brand, Level.ENTRUSTED, "craft")


def keepers(brand: Brand) -> list[User]:
    """Everybody who may, by account."""
    return owners_and_holders(brand, Level.ENTRUSTED, "craft")


def _demand_keeper(actor: User, brand: Brand) -> None:
    demand_member(actor, brand)
    if not may_keep(actor, brand):
        sentence = _("Only an owner, or somebody entrusted with the craft, keeps templates and ready words.")
        raise Forbidden("keepers_only", sentence)


# --- The verbs ------------------------------------------------------------------------------------
def add(actor: User, brand: Brand, said: Said) -> Snippet:
    """One more. Raises Forbidden, Invalid, Refused `stock_full`."""
    with transaction.atomic():
        _demand_keeper(actor, brand)
        # One keeper at a time: the brand's row is what their additions have in common.
        Brand.objects.select_for_update().values_list("pk").get(pk=brand.pk)
        if Snippet.objects.filter(brand=brand, retired_at=None).count() >= MOST_SNIPPETS:
            sentence = _("A brand keeps at most %(most)s templates and snippets: put some away first.")
            raise Refused("stock_full", sentence % {"most": MOST_SNIPPETS})
        made = Snippet(brand=brand, changed_by=actor, changed_at=database_now())
        for name, value in _read(made, said).items():
            setattr(made, name, value)
        made.save(force_insert=True)
        made.writers.add(actor)
        record("snippet.add", actor, brand, f"snippet:{made.pk}", personal=_quoted(made), **_told(made))
    return made


def change(actor: User, pk: int, said: Said, *, seen: int | None = None) -> Snippet:
    """Other words, or another use for them; posts that began with it keep what they have. `seen` is the version
    that was read. Raises Forbidden, Invalid, NotHere, Refused `put_away`, Stale."""
    with transaction.atomic():
        row = _locked(actor, pk)
        if seen is not None and seen != row.version:
            sentence = _("%(who)s changed it while you were writing. Look again: nothing of theirs is lost.")
            raise Stale("stale_snippet", sentence % {"who": row.changed_by}, details={"current": row.version})
        # A piece does not become a template: it would be another thing under the same number.
        wanted = _read(row, {**said, "whole": row.whole})
        changed = [name for name, value in wanted.items() if getattr(row, name) != value]
        if not changed:
            return row
        before = _told(row)
        for name in changed:
            setattr(row, name, wanted[name])
        row.version, row.changed_by, row.changed_at = row.version + 1, actor, database_now()
        row.save(update_fields=[*changed, "version", "changed_by", "changed_at"])
        if {"text", "link"} & set(changed):
            row.writers.add(actor)
        told: dict[str, Any] = {"fields": changed}
        use = [name for name in changed if name in before]
        if use:
            told |= {"before": {one: before[one] for one in use}, "after": {one: wanted[one] for one in use}}
        record("snippet.change", actor, row.brand, f"snippet:{pk}", personal=_quoted(row), **told)
    return row


def put_away(actor: User, pk: int) -> Snippet:
    """Not offered any more; what was written with it stays. Raises Forbidden, NotHere, Refused `put_away`."""
    with transaction.atomic():
        row = _locked(actor, pk)
        row.retired_at, row.version = database_now(), row.version + 1
        row.save(update_fields=["retired_at", "version"])
        record("snippet.put_away", actor, row.brand, f"snippet:{pk}", personal=row.name)
    return row


def _locked(actor: User, pk: int) -> Snippet:
    Snippet.objects.select_for_update().values_list("pk").filter(pk=pk).first()
    row = Snippet.objects.select_related("brand", "changed_by").filter(pk=pk).first()
    if row is None or membership_in(actor, row.brand) is None:
        raise NotHere("no_such_snippet", _("There is no such template or snippet."))
    _demand_keeper(actor, row.brand)
    if row.retired_at is not None:
        raise Refused("put_away", _("It has been put away already."))
    return row


def _told(row: Snippet) -> dict[str, Any]:
    """What the journal keeps of it as it stands; its words are kept apart, like all that people write."""
    return {name: getattr(row, name) for name in _USE}


def _quoted(row: Snippet) -> str:
    return f"{row.name}\n{row.text}"


# --- What was said --------------------------------------------------------------------------------
def _read(row: Snippet, said: Said) -> dict[str, Any]:
    """The columns as they would be, every field's errors at once. Raises Invalid."""
    fields: dict[str, list[str]] = {}
    codes: list[str] = []
    read: dict[str, Any] = {}
    for part in (_read_name, _read_words, _read_use):
        try:
            read |= part(row, said)
        except Invalid as refusal:
            fields |= {name: [str(one) for one in there] for name, there in refusal.fields.items()}
            codes.append(refusal.code)
    if fields:
        raise Invalid(
            codes[0] if len(codes) == 1 else "invalid", next(iter(fields.values()))[0], fields=fields
        )
    return read


def _read_name(row: Snippet, said: Said) -> dict[str, Any]:
    name = " ".join(read_words(said.get("name", row.name), "name", most=LONGEST_NAME).split())
    others = Snippet.objects.filter(brand=row.brand, retired_at=None).exclude(pk=row.pk)
    sentence = ""
    if not name:
        sentence = _("Give it a name by which others find it.")
    elif name.lower() in {one.lower() for one in others.values_list("name", flat=True)}:
        sentence = _("Another one has this name already.")
    if sentence:
        raise Invalid("bad_name", sentence, fields={"name": [sentence]})
    return {"name": name}


def _read_words(row: Snippet, said: Said) -> dict[str, Any]:
    whole = bool(said.get("whole", row.whole))
    most = LONGEST_TEMPLATE if whole else LONGEST_PIECE
    text = read_words(said.get("text", row.text), "text", most=most)
    if not text:
        sentence = _("Write the words that others will begin with.")
        raise Invalid("bad_text", sentence, fields={"text": [sentence]})
    return {"whole": whole, "text": text}


def _read_use(row: Snippet, said: Said) -> dict[str, Any]:
    """What only a template has, as a draft would have it read: a piece has none of it."""
    if not said.get("whole", row.whole):
        return {"kind": Kind.ROUTINE.value, "channels": [], "products": [], "topics": [], "link": ""}
    base: dict[str, Any] = {**as_draft(row)} if row.pk else {}
    # Not those that the brand no longer has.
    kept = {name: base.get(name, []) for name in ("channels", "products", "topics")}
    draft: Any = {"kind": row.kind, "link": row.link, **kept}
    draft |= {name: value for name, value in said.items() if name in draft}
    draft["link"] = read_words(draft["link"], "link", most=LONGEST_LINK)
    content, fields, _channels = Reader(row.brand, draft, None, database_now()).read()
    return {
        "kind": fields["kind"],
        "channels": content["channels"],
        "products": fields["products"],
        "topics": fields["topics"],
        "link": content["link"],
    }
