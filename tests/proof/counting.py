"""What a proof saw, so that it can be said and asserted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Count:
    """What was seen: (facts, instant) pairs compared, how many were open, by how each move went."""

    states: int = 0
    open: int = 0
    machines: int = 0
    looked_into: int = 0
    moves: dict[str, int] = field(default_factory=dict)
    closed_by: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)

    @property
    def share(self) -> float:
        return self.open / self.states if self.states else 0.0

    def add(self, other: Count) -> None:
        self.states, self.open = self.states + other.states, self.open + other.open
        self.machines, self.looked_into = self.machines + other.machines, self.looked_into + other.looked_into
        for mine, others in (
            (self.moves, other.moves),
            (self.closed_by, other.closed_by),
            (self.codes, other.codes),
        ):
            for name, number in others.items():
                mine[name] = mine.get(name, 0) + number
