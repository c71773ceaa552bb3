from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django_rq
import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiToken
from accounts.tokens import find_token
from cm_queue.starting import mark_demonstration
from journal.models import Entry, Personal, Seal
from posts.models import Channel
from publishing.jobs import QUEUE
from publishing.keeping import reveal
from publishing.models import ChannelHealth, ChannelSecret, Pulse
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_mastodon import TOKEN, StrictMastodon
from tests.staging import House

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.fixture
def strict() -> Iterator[StrictMastodon]:
    server = StrictMastodon()
    with serving(server):
        yield server


@pytest.mark.django_db(transaction=True)
def test_tick_once_makes_one_round_and_ends(lumiere: House) -> None:
    lumiere.approved()
    assert run("tick", "--once") == ("", "")
    assert Pulse.objects.filter(kind="ticker").count() == 1
    assert Seal.objects.exists()
    assert django_rq.get_queue(QUEUE).count == 1


def test_add_channel_reads_the_secret_from_the_environment_and_shows_it_nowhere(
    lumiere: House, strict: StrictMastodon, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OUR_TOKEN", TOKEN)
    with caplog.at_level(logging.DEBUG):
        out, err = run(
            *("add_channel", "maison-lumiere", "Mastodon", "--adapter", "mastodon"),
            *("--setting", f"base_url={strict.base_url}", "--secret-from-env", "OUR_TOKEN"),
        )
    assert "it answers" in out
    channel = Channel.objects.get(key="mastodon")
    assert ChannelHealth.objects.get(channel=channel).ok
    stored = ChannelSecret.objects.get(channel=channel)
    assert reveal(stored) == TOKEN
    journal = repr(list(Entry.objects.values())) + repr(list(Personal.objects.values()))
    for place in (out, err, caplog.text, journal, repr(Channel.objects.values()), stored.ciphertext):
        assert TOKEN not in place
    assert Entry.objects.filter(verb="channel.add", system="operator").exists()


def test_add_channel_with_a_wrong_token_keeps_the_channel_and_says_what_is_wrong(
    lumiere: House, strict: StrictMastodon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_TOKEN", "wr0ng-token")
    out, err = run(
        *("add_channel", "maison-lumiere", "Mastodon", "--adapter", "mastodon"),
        *("--setting", f"base_url={strict.base_url}", "--secret-from-env", "OUR_TOKEN"),
    )
    assert "it answers" not in out
    assert "wr0ng" not in out + err
    assert Channel.objects.filter(key="mastodon").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "Log", "--adapter", "console"], "nowhere"),
        (["maison-lumiere", "Log", "--adapter", "nosuch"], "nosuch"),
        (["maison-lumiere", "Log", "--adapter", "console", "--setting", "novalue"], "novalue"),
        (["maison-lumiere", "Log", "--adapter", "console", "--setting", "a=b"], "a"),
        (["maison-lumiere", "M", "--adapter", "mastodon"], "base_url"),
        (["maison-lumiere", "Log", "--adapter", "console", "--secret-from-env", "NOT_THERE"], "NOT_THERE"),
        (["maison-lumiere", "demo", "--adapter", "console"], "demo"),
    ],
)
def test_add_channel_says_what_is_wrong_and_stores_nothing(
    lumiere: House, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.delenv("NOT_THERE", raising=False)
    with pytest.raises(CommandError, match=said):
        run("add_channel", *arguments)
    assert Channel.objects.count() == 1


def test_an_api_token_is_printed_alone_and_works(lumiere: House) -> None:
    out, err = run("api_token", lumiere.ines.email, "--brand", "maison-lumiere", "--scopes", "read,draft")
    assert err == ""
    token = out.rstrip("\n")
    assert token
    assert token == token.strip()
    assert "\n" not in token
    found: Any = find_token(token)
    assert found is not None
    assert found.user == lumiere.ines
    assert sorted(found.scopes) == ["draft", "read"]
    assert token not in repr(list(ApiToken.objects.values()))
    assert token not in repr(list(Entry.objects.values()))


@pytest.mark.parametrize(
    "arguments", [("nobody@x.example", "maison-lumiere", "read"), ("", "", ""), ("ines", "", "fly")]
)
def test_an_api_token_for_nobody_or_for_nothing_is_refused(
    lumiere: House, arguments: tuple[str, str, str]
) -> None:
    email, brand, scopes = arguments
    address = lumiere.ines.email if email == "ines" else email
    with pytest.raises(CommandError):
        run(
            "api_token",
            address,
            "--brand",
            brand or ("maison-lumiere" if scopes else "none"),
            "--scopes",
            scopes,
        )
    assert not ApiToken.objects.exists()


def test_beside_a_running_demonstration_a_token_has_every_scope(
    lumiere: House, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    before, _err = run("api_token", lumiere.ines.email, "--brand", "maison-lumiere")
    mark_demonstration(tmp_path, demo=True)
    inside, _err = run("api_token", lumiere.ines.email, "--brand", "maison-lumiere")
    mark_demonstration(tmp_path, demo=False)
    after, _err = run("api_token", lumiere.ines.email, "--brand", "maison-lumiere")
    may_decide = [
        "decide" in found.scopes for token in (before, inside, after) if (found := find_token(token.strip()))
    ]
    assert may_decide == [False, True, False]
