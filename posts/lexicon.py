"""The lexicon of a brand: words and patterns that raise a facet wherever the public would read them.

Matching is on words, and blind to case, accents, kinds of dash and of space, invisible characters and
letters of other alphabets that look like ours: "−30 %" is "-30%", and "SОLDES" with a Cyrillic О is on
sale too. Pure but for `rules_of`. A pattern that takes too long counts as found: whoever writes a text
that defeats a pattern must not get past it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

import regex

from posts.models import Kind, LexiconRule, RuleForm, no_content

# CPU seconds for one pattern over one text: `regex` counts the clock of the process, not of the wall.
PATIENCE_S: Final = 0.25
_MOST_HITS: Final = 20
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_APOSTROPHES = "\u2018\u2019\u02bc\u02b9\u2032\uff07"
_LATIN: Final[Mapping[str, str]] = {
    **dict.fromkeys(_DASHES, "-"),
    **dict.fromkeys(_APOSTROPHES, "'"),
    **dict(zip("аеорсухіјѕһԁԛԝкмтгАВЕКМНОРСТУХІЈЅԚԜ", "aeopcyxijshdqwkmtrABEKMHOPCTYXIJSQW", strict=True)),
    **dict(zip("αοικνρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aoikvptuxABEZHIKMNOPTYX", strict=True)),
    "œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae", "ı": "i", "٪": "%",
}  # fmt: skip
_TOKEN = regex.compile(r"[^\W\d_]+|\d+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text as it is compared, with the index in the original of each of its characters."""

    text: str
    at: Sequence[int]


@dataclass(frozen=True, slots=True)
class Hit:
    """Words of a post that raise a facet: as written, in which part of the content (see `parts_of`).
    `key` is what makes them the same words as others."""

    facet: str
    words: str
    where: str
    key: str

    def as_json(self) -> dict[str, str]:
        return {"words": self.words, "where": self.where, "key": self.key}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as it is matched; `pattern` None is one that cannot be read any more, and is always found."""

    facet: str
    text: str
    pattern: regex.Pattern[str] | None


@lru_cache(maxsize=8192)
def _folded(char: str) -> str:
    if char.isspace():
        return " "
    kept = (
        _LATIN.get(one, one)
        for one in unicodedata.normalize("NFKD", _LATIN.get(char, char))
        if unicodedata.category(one) not in {"Mn", "Me", "Cf", "Cc"}
    )
    return "".join(kept).casefold()


def fold(text: str, *, open_hashtags: bool = False) -> Folded:
    """The text as it is compared. `open_hashtags` reads "#LampeAurore" as "#lampe aurore"."""
    out: list[str] = []
    at: list[int] = []
    tagged, before = False, ""
    for index, char in enumerate(text):
        tagged = char == "#" or (tagged and (char.isalnum() or char == "_"))
        if open_hashtags and tagged and char.isupper() and before.islower():
            out.append(" ")
            at.append(index)
        for one in _folded(char):
            out.append(one)
            at.append(index)
        before = char
    return Folded("".join(out), at)


# --- Rules --------------------------------------------------------------------------------------
def tokens_of(words: str) -> list[str]:
    """The words, numbers and signs of a rule, folded."""
    return _TOKEN.findall(fold(words).text)


@lru_cache(maxsize=4096)
def compiled(form: str, text: str) -> regex.Pattern[str]:
    """Raises regex.error for a pattern that cannot be read."""
    if form == RuleForm.PATTERN:
        # Letters are compared without their accents; everything else is the writer's.
        plain = "".join(
            one for one in unicodedata.normalize("NFD", text) if unicodedata.category(one) != "Mn"
        )
        return regex.compile(plain, regex.IGNORECASE | regex.VERSION0)
    found = tokens_of(text)
    if not found:
        raise regex.error("no words")
    parts = [_edge(found[0], before=True)]
    for index, token in enumerate(found):
        if index:
            both = _wordy(token) and _wordy(found[index - 1])
            parts.append(r"[\s_-]*" if both else r"\s*")
        parts.append(regex.escape(token))
    parts.append(_edge(found[-1], before=False))
    return regex.compile("".join(parts))


def _wordy(token: str) -> bool:
    return token.isalnum()


def _edge(token: str, *, before: bool) -> str:
    """A word is not found inside a longer one, nor a number inside another number."""
    if token[0 if before else -1].isdigit():
        return r"(?<!\d)(?<!\d[.,])" if before else r"(?!\d)(?![.,]\d)"
    if _wordy(token):
        return r"(?<![^\W\d_])" if before else r"(?![^\W\d_])"
    return ""


def rule(form: str, text: str, facet: str) -> Rule:
    try:
        return Rule(facet, text, compiled(form, text))
    except regex.error:
        return Rule(facet, text, None)


def rules_of(brand_id: int) -> list[Rule]:
    """The rules in force, in one query."""
    rows = LexiconRule.objects.filter(brand_id=brand_id, ended_at__isnull=True).order_by("pk")
    return [rule(*row) for row in rows.values_list("form", "text", "facet")]


# --- Matching -----------------------------------------------------------------------------------
def parts_of(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Everything of a content that the public reads, each part with its place."""
    yield "text", content["text"]
    for key, text in sorted(content["variants"].items()):
        yield f"variants:{key}", text
    for number, text in enumerate(content["thread"]):
        yield f"thread:{number}", text
    for number, item in enumerate(content["media"]):
        yield f"alt:{number}", item["alt"]
    yield "link", unquote(content["link"])
    for key, options in sorted(content["options"].items()):
        # A network's own options too: a title is read by the public.
        for name in sorted(options.keys() - {"visibility", "language"}):
            yield f"{'warning' if name == 'content_warning' else name}:{key}", options[name]


def hits_in(rules: Iterable[Rule], content: Mapping[str, Any]) -> list[Hit]:
    """Every passage that raises a facet, in the order of the parts and of the rules."""
    rules = list(rules)
    return [hit for where, text in parts_of(content) if text.strip() for hit in _in_part(rules, where, text)]


def hits_of(brand_id: int, content: Mapping[str, Any]) -> list[Hit]:
    return hits_in(rules_of(brand_id), content)


def _in_part(rules: Sequence[Rule], where: str, text: str) -> Iterator[Hit]:
    views = [fold(text)]
    if "#" in text:
        views.append(fold(text, open_hashtags=True))
    for one in rules:
        found = {start: end for view in views for start, end in _spans(one, view)}
        for start, end in sorted(found.items())[:_MOST_HITS]:
            words = text[start:end]
            key = "".join(fold(words).text.split()) if end > start else f"? {one.text}"
            yield Hit(one.facet, words or one.text, where, key)


def by_facet(hits: Iterable[Hit]) -> dict[str, list[str]]:
    """{facet: the words that raise it, each once}"""
    found: dict[str, dict[str, None]] = {}
    for hit in hits:
        found.setdefault(hit.facet, {})[hit.words] = None
    return {facet: list(words) for facet, words in found.items()}


def try_text(brand_id: int, text: str) -> dict[str, list[str]]:
    """What a text would raise, and by which words. Nothing is kept."""
    return by_facet(hits_of(brand_id, {**no_content(), "text": text}))


def _spans(one: Rule, view: Folded) -> Iterator[tuple[int, int]]:
    """(from, to) in the original text; (0, 0) for a pattern that gave no answer in time."""
    if one.pattern is None:
        yield 0, 0
        return
    try:
        for found in one.pattern.finditer(view.text, timeout=PATIENCE_S):
            if found.end() > found.start():
                yield view.at[found.start()], view.at[found.end() - 1] + 1
    except TimeoutError:
        yield 0, 0


# --- What a new brand begins with -----------------------------------------------------------------
_SALE = (
    "soldes", "solde", "promo", "promos", "promotion", "promotions", "code promo", "remise", "remises", "rabais",
    "réduction", "réductions", "bon plan", "bons plans", "vente flash", "vente privée", "ventes privées",
    "déstockage", "liquidation", "prix", "tarif", "tarifs", "offre spéciale", "offre limitée", "gratuit",
    "gratuite", "gratuits", "gratuites", "livraison offerte", "précommande", "précommandes", "black friday",
    "cyber monday", "french days", "sales", "on sale", "flash sale", "discount", "discounts", "promo code",
    "voucher", "coupon", "special offer", "half price", "price", "prices", "free shipping", "giveaway", "pre-order",
)  # fmt: skip
_SALE_PATTERNS = (
    r"(?<![\d.,])-\s?\d{1,2}(?:[.,]\d{1,2})?\s?(?:%|pour\s?cent)",
    r"\b\d{1,2}\s?%\s?(?:off|de\s(?:remise|reduction|rabais))\b",
    r"\d\s?(?:€|\$|£|eur\b|euros?\b)|[€$£]\s?\d",
)
_COMPLAINT = (
    "réclamation", "réclamations", "remboursement", "remboursements", "remboursé", "remboursée", "rembourser",
    "défectueux", "défectueuse", "arnaque", "arnaques", "escroquerie", "scandale", "boycott", "boycotter",
    "bad buzz", "complaint", "complaints", "refund", "refunds", "refunded", "scam", "faulty", "defective",
)  # fmt: skip
_LAW = (
    "procès", "avocat", "avocate", "avocats", "tribunal", "tribunaux", "mise en demeure", "porter plainte",
    "plainte", "plaintes", "huissier", "contentieux", "litige", "litiges", "juridique", "poursuites judiciaires",
    "lawsuit", "lawsuits", "lawyer", "lawyers", "attorney", "legal action", "class action", "cease and desist",
)  # fmt: skip


def first_rules(products: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """(form, text, facet) of the rules a brand begins with; `products` maps keys to names."""
    words = RuleForm.WORDS.value
    return [
        *((words, name, f"product:{key}") for key, name in products.items() if tokens_of(name)),
        *((words, text, Kind.LAUNCH.value) for text in _SALE),
        *((RuleForm.PATTERN.value, text, Kind.LAUNCH.value) for text in _SALE_PATTERNS),
        *((words, text, Kind.SENSITIVE_REPLY.value) for text in _COMPLAINT),
        *((words, text, "topic:legal") for text in _LAW),
    ]
