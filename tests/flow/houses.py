"""The houses of the working week: who is in a team of two, three and six, what each of them knows, and whose
eyes a post of each kind then needs under each preset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

LAMP: Final = "lampe-aurore"
PRODUCT: Final = f"product:{LAMP}"
NETWORK: Final = "channel:demo"
KINDS: Final = ("routine", "launch", "reply", "sensitive_reply", "crisis")

Levels = Mapping[str, int]
_ALL_ROUND: Final = {"craft": 3, "company": 3, "crisis": 3, NETWORK: 3, PRODUCT: 3}
_INTERN: Final = {"craft": 1}


@dataclass(frozen=True)
class House:
    """A team under a preset. Inès, the intern, writes; `readers` are those whose approvals, in this order,
    open the gate for what she wrote, by kind; a kind that is missing is out of this team's reach.

    `instead`: who reads a routine post while Nadia is on holiday; `of_nadia`: who reads hers; empty where
    nobody could. `outsider`: whose approval of a routine post by Inès counts for nothing. `second`: who
    confirms what Nadia proposes. `lifters`: two people who lift an incident.
    """

    preset: str
    people: Mapping[str, Levels]
    readers: Mapping[str, tuple[str, ...]]
    instead: tuple[str, ...] = ()
    of_nadia: tuple[str, ...] = ()
    outsider: str = ""
    second: str = ""
    lifters: tuple[str, str] = ("nadia", "ines")

    @property
    def name(self) -> str:
        return f"{self.preset}-{len(self.people)}"

    @property
    def retouches(self) -> bool:
        """Whether the maker of a light correction may still approve."""
        return self.preset in {"duo", "team"}


def _all(*names: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(KINDS, names)


# Two: an editor and an intern. What takes two approvers beside the author is out of their reach.
_TWO: Final = {"nadia": _ALL_ROUND, "ines": _INTERN}
_CLIENT_S_OWN: Final = {"nadia": {**_ALL_ROUND, "topic:client": 3}, "ines": _INTERN}
_ONE_READER: Final = {"routine": ("nadia",), "reply": ("nadia",)}
# Three: two who know everything, and an intern; at an agency the second is the client's.
_THREE: Final = {"nadia": _ALL_ROUND, "hugo": {**_ALL_ROUND, "topic:legal": 2}, "ines": _INTERN}
_CLIENT: Final = {"craft": 1, "company": 3, "crisis": 2, PRODUCT: 3, "topic:client": 3}
_AGENCY_OF_THREE: Final = {"nadia": _ALL_ROUND, "sofia": _CLIENT, "ines": _INTERN}
# Six: the known cast, without Olga, who founded the house and left it.
_SIX: Final = {
    "nadia": {"craft": 3, "company": 3, NETWORK: 3},
    "marc": {"craft": 2, NETWORK: 2},
    "sofia": {"craft": 1, PRODUCT: 3, "topic:client": 3},
    "victor": {"crisis": 3, "craft": 2, "company": 2, "topic:legal": 2},
    "hugo": _ALL_ROUND,
    "ines": _INTERN,
}
_BY_TWO: Final = {
    "launch": ("nadia", "sofia"),
    "reply": ("nadia", "sofia"),
    "sensitive_reply": ("hugo", "victor"),
    "crisis": ("hugo", "victor"),
}
_AND_THE_CLIENT: Final = {
    **_BY_TWO,
    "sensitive_reply": ("hugo", "victor", "sofia"),
    "crisis": ("hugo", "victor", "sofia"),
}
_PRESSED: Final = ("victor", "hugo")

HOUSES: Final = (
    House("duo", _TWO, _ONE_READER, of_nadia=("ines",), second="ines"),
    House("team", _TWO, _ONE_READER, second="ines"),
    # The intern is the agency's, the editor the client's own.
    House("agency", _CLIENT_S_OWN, _ONE_READER, second="ines"),
    House(
        "duo", _THREE,
        {**_all("nadia", "hugo"), "routine": ("nadia",), "reply": ("nadia",)},
        instead=("hugo",), of_nadia=("ines",), second="hugo", lifters=("nadia", "hugo"),
    ),
    House(
        "team", _THREE,
        {**_all("nadia", "hugo"), "routine": ("nadia",), "reply": ("nadia",)},
        instead=("hugo",), of_nadia=("hugo",), second="hugo", lifters=("nadia", "hugo"),
    ),
    House("agency", _AGENCY_OF_THREE, _all("nadia", "sofia"), second="sofia", lifters=("nadia", "sofia")),
    House("regulated", _THREE, _all("nadia", "hugo"), second="hugo", lifters=("nadia", "hugo")),
    House(
        "duo", _SIX, {"routine": ("nadia",), **_BY_TWO},
        instead=("hugo",), of_nadia=("ines",), second="hugo", lifters=_PRESSED,
    ),
    House(
        "team", _SIX, {"routine": ("nadia",), **_BY_TWO},
        instead=("hugo",), of_nadia=("hugo",), outsider="sofia", second="hugo", lifters=_PRESSED,
    ),
    House(
        "agency", _SIX, {"routine": ("nadia", "sofia"), **_AND_THE_CLIENT},
        instead=("hugo", "sofia"), of_nadia=("hugo", "sofia"), second="hugo", lifters=_PRESSED,
    ),
    House(
        "regulated", _SIX, {"routine": ("nadia", "marc"), **_BY_TWO},
        instead=("hugo", "marc"), of_nadia=("hugo", "marc"), outsider="sofia", second="hugo",
        lifters=_PRESSED,
    ),
)  # fmt: skip
# Every kind takes two approvers beside the author: two people let nothing out, and are told so.
TOO_FEW: Final = House("regulated", _TWO, {}, second="ines")
