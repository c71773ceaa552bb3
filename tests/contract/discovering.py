"""Which networks the suite over all of them runs on: whatever has a far side, found by itself."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from adapters.base import Capabilities
from adapters.registry import ADAPTERS

# Those whose far side is a fixture of conftest.py: network and fixture.
HOUSE = {
    "mastodon-mock": ("mastodon", "mock_far"),
    "strict-mastodon": ("mastodon", "strict_far"),
    "demo": ("demo", "demo_far"),
}
# Nobody at the other end of a socket: their own tests cover them.
WITHOUT_A_FAR_SIDE = {"atom", "console", "manual"}


def discovered() -> list[str]:
    """The networks with a `far_<network>.py` here."""
    return sorted(path.stem.removeprefix("far_") for path in Path(__file__).parent.glob("far_*.py"))


def far_side_of(network: str) -> Callable[..., Any]:
    """The context manager `far` of a network's module."""
    module = import_module(f"tests.contract.far_{network}")
    assert network == module.NETWORK, "a far side's file is named after its network"
    return module.far


def every(wanted: Callable[[Capabilities], object] = lambda can: True) -> list[str]:
    """Far sides, by what their networks can do."""
    networks = {name: network for name, (network, _) in HOUSE.items()} | {one: one for one in discovered()}
    return [
        name
        for name, network in networks.items()
        if network in ADAPTERS and wanted(ADAPTERS[network].capabilities)
    ]


def where(wanted: Callable[[Capabilities], object]) -> pytest.MarkDecorator:
    """Runs a test on the far sides of networks that can do this alone."""
    return pytest.mark.parametrize("each", every(wanted), indirect=True)
