from __future__ import annotations

import pytest

from adapters.registry import ADAPTERS, UnknownNetwork, adapter_for

pytestmark = pytest.mark.pure


def test_each_adapter_stands_under_its_own_name():
    assert set(ADAPTERS) == {
        "mastodon",
        "bluesky",
        "wordpress",
        "discourse",
        "discord",
        "slack",
        "atom",
        "demo",
        "console",
        "linkedin",
        "facebook",
        "instagram",
        "threads",
        "telegram",
        "x",
        "manual",
    }
    assert all(adapter_for(name).network == name for name in ADAPTERS)


def test_an_unknown_network_is_named_with_those_there_are():
    with pytest.raises(UnknownNetwork, match=r"myspace.*console, demo.*mastodon"):
        adapter_for("myspace")


def test_nobody_adds_a_network_at_run_time():
    with pytest.raises(TypeError):
        ADAPTERS["extra"] = ADAPTERS["demo"]  # type: ignore[index]


@pytest.mark.parametrize("name", sorted(ADAPTERS))
def test_what_an_adapter_says_of_itself_fits_together(name: str):
    kind = ADAPTERS[name]
    assert kind.label
    assert kind.default_limits["max_media_attachments"] <= kind.capabilities.max_media
    # A person is asked what became of a send.
    assert kind.capabilities.reconcilable is (name not in {"console", "discord", "telegram", "manual"})
    assert len({setting.name for setting in kind.settings}) == len(kind.settings)
    assert "direct" not in kind.capabilities.visibilities
