"""What is a light correction, and above all what is not: its maker may approve the result."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posts.models import no_content
from posts.retouching import MOST_IN_A_ROW, changed_words, distance, is_light, is_light_change

pytestmark = pytest.mark.pure

LIGHT = [
    ("Trois geste pour un abat-jour.", "Trois gestes pour un abat-jour."),
    ("Trois gestse pour un abat-jour.", "Trois gestes pour un abat-jour."),
    ("Une lampe se leve.", "Une lampe se lève."),
    ("une lampe se lève.", "Une lampe se lève."),
    ("Une lampe se lève", "Une lampe se lève."),
    ("Une lampe , se lève.", "Une lampe, se lève."),
    ("Bonjour ! Une lampe.", "Bonjour\u202f! Une lampe."),
    ("Bonjour! Une lampe.", "Bonjour\u202f! Une lampe."),
    ("Cest une lampe.", "C’est une lampe."),
    ("L'atelier ouvre.", "L’atelier ouvre."),
    ("Un abatjour en lin.", "Un abat-jour en lin."),
    ("Un oeil, une lampe.", "Un œil, une lampe."),
    ("Elle et lumineuse.", "Elle est lumineuse."),
    ("Wich lamp?", "Which lamp?"),
    ("Une lampe 💡 se leve.", "Une lampe 💡 se lève."),
    ("Trosi gestes.", "Trois gestes."),
]


@pytest.mark.parametrize(("before", "after"), LIGHT)
def test_light(before: str, after: str):
    assert is_light(before, after)
    assert is_light(after, before), "a correction is as light one way as the other"


HEAVY = {
    "nothing at all": ("Une lampe.", "Une lampe."),
    "three letters": ("Une lampe claire.", "Une lampe clairement."),
    "two words": ("Un gest et une lampes.", "Un geste et une lampe."),
    "another word": ("La lampe est verte.", "La lampe est bleue."),
    "a short word replaced": ("Une lampe et un pied.", "Une lampe ou un pied."),
    "a word more": ("Une lampe.", "Une belle lampe."),
    "a word less": ("Une belle lampe.", "Une lampe."),
    "a word cut in two": ("Parfaitement clair.", "Parfaite ment clair."),
    "two words made one": ("a près tout", "après tout"),
    "two words exchanged": ("Une lampe belle", "Une belle lampe"),
    "a line break": ("Une lampe. Un pied.", "Une lampe.\nUn pied."),
    # --- negations
    "ne": ("Elle ne chauffe.", "Elle te chauffe."),
    "né becomes ne": ("Il est né ici.", "Il est ne ici."),
    "n'": ("Ce n’est elle.", "Ce m’est elle."),
    "n' typographic": ("Ce n'est elle.", "Ce n’est elle."),
    "pas": ("Elle chauffe pas.", "Elle chauffe par."),
    "pas, capitals": ("Elle ne chauffe pas.", "Elle ne chauffe PAS."),
    "jamais": ("Elle chauffe jamai.", "Elle chauffe jamais."),
    "plus": ("Elle chauffe plus.", "Elle chauffe plut."),
    "sans": ("Une lampe sans fil.", "Une lampe dans fil."),
    "rien becomes bien": ("Cela ne fait rien.", "Cela ne fait bien."),
    "aucun": ("aucun risque", "chacun risque"),
    "non, comma": ("Non, merci.", "Non merci."),
    "a stop after pas": ("Elle ne chauffe pas, dit-on.", "Elle ne chauffe pas. dit-on."),
    "not": ("It is not hot.", "It is now hot."),
    "n't": ("It dont matter.", "It don't matter."),
    "can't": ("You can reach us.", "You can't reach us."),
    "never": ("We neve lie.", "We never lie."),
    "no": ("There is no risk.", "There is a risk."),
    "im-": ("C’est possible.", "C’est impossible."),
    "in-": ("Une lampe utile.", "Une lampe inutile."),
    "il-": ("C’est légal.", "C’est illégal."),
    "dé-": ("Nous conseillons.", "Nous déconseillons."),
    "mé-": ("Un client content.", "Un client mécontent."),
    "un-": ("We are able.", "We are unable."),
    # --- digits
    "a digit": ("Elle coûte 30 euros.", "Elle coûte 80 euros."),
    "a digit in a word": ("Modèle A3x ici.", "Modèle A4x ici."),
    "a sign before a number": ("De 30 %.", "De -30 %."),
    "a comma in a number": ("Elle pèse 3,5 kg.", "Elle pèse 35 kg."),
    "a stop after a number": ("Jusqu’au 30. Venez.", "Jusqu’au 30, Venez."),
    "a small number in words": ("Les six lampes.", "Les dix lampes."),
    "superscript": ("Un m² de lin.", "Un m³ de lin."),
    "roman digits": ("Louis Ⅸ vient.", "Louis Ⅺ vient."),
    # --- links, mentions, hashtags
    "a link": ("Voir https://maison.example/a", "Voir https://maison.example/b"),
    "a bare domain": ("Voir maison.example", "Voir maisom.example"),
    "a domain made": ("Voir maison. example", "Voir maison.example"),
    "a stop after a link": ("Voir https://maison.example ici", "Voir https://maison.example. ici"),
    "a mention": ("Merci @atelier !", "Merci @ateliers !"),
    "a mention made": ("Merci atelier !", "Merci @atelier !"),
    "a hashtag": ("Belle #lampe ici", "Belle #lampes ici"),
    "a hashtag made": ("Belle lampe ici", "Belle #lampe ici"),
    "a comma after a hashtag": ("Belle #lampe ici", "Belle #lampe, ici"),
    # --- look-alikes, invisible characters, emoji, signs
    "a Cyrillic o": ("La lampe d’Angola.", "La lampe d’Angоla."),
    "a Cyrillic a for an a": ("maison", "mаison"),
    "I for l": ("Paypal ouvre.", "PaypaI ouvre."),
    "rn for m": ("La maison moderne.", "La maison modeme."),
    "dotless i": ("La maison.", "La maıson."),
    "fullwidth": ("La maison.", "La mａison."),
    "mathematical": ("La maison.", "La m𝐚ison."),
    "zero-width space": ("La maison.", "La mai\u200bson."),
    "zero-width space between": ("La maison.", "La \u200bmaison."),
    "soft hyphen": ("La maison.", "La mai\u00adson."),
    "right to left": ("La maison.", "La maison\u202e."),
    "an accent heaped": ("La maison.", "La mai\u0323\u0323son."),
    "an emoji more": ("La maison.", "La maison 🔥."),
    "another emoji": ("Merci 🙂 à tous", "Merci 🙃 à tous"),
    "a currency": ("Des euros € ici", "Des euros $ ici"),
    "an ampersand": ("lin et coton", "lin & coton"),
    "per cent": ("dix pour", "dix pour %"),
}


@pytest.mark.parametrize("case", HEAVY)
def test_not_light(case: str):
    before, after = HEAVY[case]
    assert not is_light(before, after)
    assert not is_light(after, before)


@given(st.text(max_size=60), st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_whatever_is_light_keeps_its_digits_and_its_number_of_words(before: str, after: str):
    if is_light(before, after):
        assert [c for c in before if c.isnumeric()] == [c for c in after if c.isnumeric()]
        assert len(changed_words(before, after) or []) <= 1


@given(st.text(alphabet="abcé", max_size=8), st.text(alphabet="abcé", max_size=8))
@settings(max_examples=200, deadline=None)
def test_the_distance_is_a_distance(one: str, other: str):
    assert distance(one, other) == distance(other, one)
    assert (distance(one, other) == 0) == (one == other)
    assert abs(len(one) - len(other)) <= distance(one, other) <= max(len(one), len(other))


# --- Of a whole content ---------------------------------------------------------------------------
def content(text: str, **more: Any) -> dict[str, Any]:
    return {**no_content(), "text": text, "channels": ["demo"], **more}


def test_the_same_correction_in_a_variant_is_still_one():
    before = content("Une lampe clairr.", variants={"demo": "Ici, une lampe clairr !"})
    after = content("Une lampe claire.", variants={"demo": "Ici, une lampe claire !"})
    assert is_light_change(before, after, [])


def test_another_correction_in_a_variant_is_two():
    before = content("Une lampe clairr.", variants={"demo": "Un pie."})
    after = content("Une lampe claire.", variants={"demo": "Un pied."})
    assert not is_light_change(before, after, [])


@pytest.mark.parametrize(
    "more",
    [
        {"channels": ["demo", "autre"]},
        {"link": "https://maison.example"},
        {"options": {"demo": {"visibility": "private"}}},
        {"thread": ["Et puis."]},
        {"variants": {"demo": "Une lampe."}},
        {"media": [{"id": 1, "sha256": "a", "alt": ""}]},
    ],
)
def test_anything_but_words_is_not_light(more: dict[str, Any]):
    assert not is_light_change(content("Une lampe clairr."), content("Une lampe claire.", **more), [])
    assert not is_light_change(content("Une lampe."), content("Une lampe.", **more), [])


def test_an_alt_text_may_be_corrected_and_its_picture_may_not():
    picture = {"id": 1, "sha256": "a", "alt": "Une lampe alumée"}
    before = content("Ici.", media=[picture])
    assert is_light_change(before, content("Ici.", media=[{**picture, "alt": "Une lampe allumée"}]), [])
    assert not is_light_change(before, content("Ici.", media=[{**picture, "sha256": "b"}]), [])


def test_a_word_is_not_turned_into_another_in_two_steps():
    steps = [content(f"La lampe {word}.") for word in ("verte", "varte", "carte")]
    assert is_light_change(steps[0], steps[1], [])
    assert not is_light_change(steps[1], steps[2], [(steps[0], steps[1])])
    assert is_light_change(steps[1], content("La lamp varte."), [(steps[0], steps[1])])


def test_a_row_of_corrections_ends():
    step = (content("Une lamp."), content("Une lampe."))
    other = content("Un pie."), content("Un pied.")
    assert is_light_change(*other, [step] * (MOST_IN_A_ROW - 1))
    assert not is_light_change(*other, [step] * MOST_IN_A_ROW)
