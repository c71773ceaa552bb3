"""The stories of `recalling.py`: who wrote what in the last two weeks, what was said of it, how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from approvals.models import Verdict
from posts.models import Kind

LAMP: Final = "lampe-aurore"
PRO: Final = "maison-lumiere-pro"
BY_HAND: Final = "vitrine-dangers"


class End(Enum):
    """How a post's way ended."""

    OUT = "out"
    REFUSED = "refused"
    PARTLY = "partly"
    MISSED = "missed"
    WITHDRAWN = "withdrawn"
    RETRACTED = "retracted"


@dataclass(frozen=True, slots=True)
class Said:
    """Something said of a post: a decision, a remark (no verdict), or its author's new words (`rewritten`)."""

    who: str = ""
    verdict: Verdict | None = Verdict.APPROVE
    text: str = ""
    motive: str = ""
    rewritten: str = ""


@dataclass(frozen=True, slots=True)
class Story:
    """A post of `days` ago, due at `at` by the brand's clocks."""

    days: int
    at: str
    author: str
    text: str
    said: Sequence[Said] = (Said("nadia"),)
    channels: Sequence[str] = ("demo",)
    kind: str = Kind.ROUTINE.value
    products: Sequence[str] = ()
    picture: bool = False
    end: End = End.OUT


def _asked(why: str, motive: str, rewritten: str) -> Sequence[Said]:
    """A correction is asked for, made, and approved."""
    return (
        Said("nadia", Verdict.REQUEST_CHANGES, why, motive),
        Said("", None, rewritten=rewritten),
        Said("nadia"),
    )


STORIES: Final = (
    Story(14, "09:00", "ines", "Lundi, sept heures, le four chauffe. La première lampe de la semaine sera pour la bibliothèque d’Angers."),
    Story(14, "18:00", "marc", "Trois questions à Paul, tourneur : pourquoi le laiton, pourquoi si lentement, pourquoi toujours à la main ?", channels=("demo", PRO)),
    Story(
        13, "12:30", "ines", "Un abat-jour en papier se répare avec de la colle blanche et un peu de patience.",
        _asked("« Un peu de patience » ne dit rien : donne le geste et le temps de séchage.", "facts",
               "Un abat-jour en papier se répare : colle blanche au pinceau fin, deux heures à plat, et la lumière ne voit plus rien."),
    ),
    Story(12, "09:00", "ines", "La lumière du matin est froide, celle du soir est chaude. Une lampe peut savoir l’heure."),
    Story(12, "18:00", "ines", "Jeanne souffle, Paul tourne, Inès raconte. C’est notre atelier, et vous y êtes toujours les bienvenus."),
    Story(
        11, "09:00", "marc", "Le verre opalin n’est pas blanc : il est plein d’air. C’est pour cela qu’il n’éblouit pas.",
        (Said("hugo", None, "Belle phrase. À garder pour la fiche de l’atelier."), Said("hugo")), picture=True,
    ),
    Story(
        10, "12:30", "ines", "Comment choisir la hauteur d’une lampe de lecture : l’ampoule à hauteur d’épaule, jamais au-dessus des yeux.",
    ),
    Story(
        10, "18:00", "ines", "Nos lampes rendent heureux, c’est prouvé.",
        (Said("nadia", Verdict.REJECT, "Prouvé par qui ? On ne promet pas le bonheur.", "facts"),), end=End.WITHDRAWN,
    ),
    Story(9, "09:00", "marc", "Pour les professionnels : nos pieds de lampe acceptent désormais les douilles E14 et E27.", channels=("demo", PRO)),
    Story(
        8, "12:30", "ines", "Dernier jour pour voir l’exposition « Ombres portées » à l’atelier. On éteint à dix-huit heures.",
        _asked("L’affiche dit dix-neuf heures : vérifie auprès de l’accueil.", "facts",
               "Dernier jour pour voir l’exposition « Ombres portées » à l’atelier. On éteint à dix-neuf heures."),
    ),
    Story(7, "09:00", "ines", "Une bulle dans le verre n’est pas un défaut, c’est un souffle qui est resté."),
    Story(
        7, "18:00", "ines", "La lampe Aurore, dans les mains de Jeanne : le dôme se souffle en une seule fois, ou pas du tout.",
        (Said("nadia"), Said("sofia")), kind=Kind.LAUNCH.value, products=(LAMP,), picture=True,
    ),
    Story(6, "12:30", "marc", "Merci aux élèves du lycée des métiers d’art pour leurs questions. La meilleure : « Et si on rate ? » On refond."),
    Story(
        5, "09:00", "ines", "Aujourd’hui, l’atelier est fermé au public : on change le four. Rendez-vous demain.", (), end=End.MISSED,
    ),
    Story(5, "18:00", "ines", "Le nouveau four est là. Il chauffe deux fois plus vite, et Jeanne lui parle déjà."),
    Story(
        4, "12:30", "ines", "Lin, coton ou soie ? Le lin boit la lumière, le coton la pose, la soie la fait glisser.",
        _asked("Très joli. Ajoute lequel ne jaunit pas : c’est la question qu’on nous pose.", "brand",
               "Lin, coton ou soie ? Le lin boit la lumière et ne jaunit pas, le coton la pose, la soie la fait glisser."),
    ),
    Story(
        4, "18:00", "marc", "Rendez-vous au salon de la décoration, allée C. Nous y serons samedi, avec trois prototypes.",
        end=End.RETRACTED,
    ),
    Story(3, "09:00", "ines", "Portrait de Paul, tourneur depuis 1998 : « Le laiton se souvient de chaque erreur. »", picture=True),
    Story(3, "18:00", "marc", "Fiche pour les architectes : éclairer un escalier sans éblouir celui qui monte.", channels=("demo", PRO), end=End.PARTLY),
    Story(2, "12:30", "ines", "On nous demande souvent si nos lampes se réparent. Oui. Toutes. Depuis toujours."),
    Story(2, "18:00", "marc", "Les croquis du prochain lustre sont en ligne sur notre compte professionnel.", channels=(PRO,), end=End.REFUSED),
    Story(1, "09:00", "ines", "Ce matin, la vitrine d’Angers s’allume à huit heures. Passez la voir en allant travailler."),
    Story(1, "18:00", "ines", "La vitrine du soir : cinq lampes, une seule ombre.", channels=("demo", BY_HAND), picture=True),
)  # fmt: skip
