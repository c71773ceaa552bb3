"""The bypass matrix: every door of the house × everybody × a post in every state (docs/proof.md).

Pairwise here; `BYPASS=whole` makes every call there is (`make prove`).
"""

from __future__ import annotations

import logging
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from io import StringIO
from itertools import chain
from pathlib import Path

import httpx
import pytest
from django.core.management import CommandError, call_command, get_commands
from django.db import transaction

from adapters.transport import build_client
from posts.models import Comment
from posts.timekeeping import keep_local_times
from publishing import ticking
from publishing.models import Attempt
from tests.casting import Cast
from tests.flow.bypass_calls import NOBODY, Caller, cells
from tests.flow.bypass_stage import HERE, STATES, THERE, Stage, delivery_of, set_stage
from tests.flow.bypass_watch import changed, fingerprint, judge, make_all_due, marks_in
from tests.flow.bypassing import (
    Address,
    NoFilling,
    What,
    as_described,
    described,
    everything,
    fill,
    objects_of,
)
from tests.publishing.conftest import POSTS, Network, network

__all__ = ["network"]
WHOLE = os.environ.get("BYPASS") == "whole"
AREAS = ("desk", "api", "panel", "sign-in")


@pytest.fixture
def through() -> Iterator[httpx.Client]:
    with build_client(allow_private=True, user_agent="CM-Queue/tests", timeout_s=5) as made:
        yield made


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of refusals are the point, and no news."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def stage(cast: Cast, network: Network, through: httpx.Client) -> Stage:
    return set_stage(cast, network, through)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("area", AREAS)
def test_nothing_gets_past_the_gate_and_nobody_into_another_brand(
    stage: Stage, area: str, record_property: Callable[[str, object], None]
):
    caller = Caller(stage, area, whole=WHOLE)
    for cell in cells(everything(area), [*stage.people, NOBODY], whole=WHOLE):
        caller.call(cell)
    tally = caller.tally
    for name in ("calls", "wrote", "sent"):
        record_property(name, getattr(tally, name))
    assert not tally.findings, "\n".join(tally.findings)
    # A matrix of refusals alone would prove little: much was done, and due posts did go out.
    if area in ("desk", "api"):
        assert tally.wrote > 50
        assert tally.sent > 50


# --- The matrix itself ------------------------------------------------------------------------------
def test_every_argument_of_every_address_has_its_filling(stage: Stage):
    for what in chain.from_iterable(everything(area) for area in AREAS):
        for which in objects_of(what):
            path = fill(what, which, stage)
            assert re.fullmatch(r"/[\w./:@-]*", path), f"{what} is called at {path}"


def test_an_argument_that_nobody_thought_of_fails():
    with pytest.raises(NoFilling, match="what does <shoe_size> name"):
        objects_of(What(Address("posts/<int:shoe_size>/", "desk"), "GET"))


def test_every_operation_of_the_api_is_called():
    called = {(one.address.route, one.how.partition(",")[0]) for one in everything("api")}
    for path, offered in described().items():
        route = next(one for one in {route for route, _how in called} if as_described(one) == path)
        assert {(route, how) for how in offered} <= called


def test_every_pair_is_called():
    """Of a person, a door, a method and a post's state."""
    people = ["ines", "marc", "nadia", "sofia", "victor", "hugo", "olga", "outsider", "superuser", NOBODY]
    for area in AREAS:
        whats = everything(area)
        made = list(cells(whats, people, whole=False))
        by_person, by_door = defaultdict(set), defaultdict(set)
        for one in made:
            door = (one.what.address, one.what.action)
            by_person[one.who].add(door)
            by_door[door].add(one.which)
        assert by_door.keys() == {(one.address, one.action) for one in whats}
        assert {one.what for one in made} == set(whats)
        for who in people:
            assert by_person[who] == by_door.keys()
        for what in whats:
            assert by_door[what.address, what.action] == {*objects_of(what)}
        if area in ("desk", "api"):
            both = {(one.who, one.which) for one in made if one.which in STATES}
            assert both == {(who, which) for who in people for which in STATES}


def test_what_may_not_go_out_is_noticed(stage: Stage):
    """The matrix' own eyes: a post that nobody approved, sent by somebody who went around the house."""
    network = stage.network.front
    sound = Attempt.objects.exclude(remote_id="").order_by("pk")[0]
    before = len(network.seen)
    httpx.post(
        f"{stage.network.url}{POSTS}",
        json={"account": HERE.lower(), "text": "Personne n’a lu ceci."},
        headers={"Idempotency-Key": "of-nobody"},
    )
    assert "belongs to no attempt" in judge(network.seen[before:])[0]
    held = delivery_of(stage.posts["held"])
    Attempt.objects.filter(pk=sound.pk).update(delivery=held)
    httpx.post(
        f"{stage.network.url}{POSTS}",
        json={"account": HERE.lower(), "text": "Ce qui est retenu."},
        headers={"Idempotency-Key": sound.key},
    )
    assert [word.partition(": ")[2][:20] for word in judge(network.seen[before + 1 :])] == [
        "it may not go out",
        "other words went out",
    ]


@pytest.mark.long
def test_the_neighbours_things_are_noticed(stage: Stage):
    caller = Caller(stage, "api")
    there = [stage.there.brand]
    assert marks_in(f"<p>{THERE.upper()}</p>".encode(), there, stage) == {THERE.lower()}
    assert marks_in(stage.pictures["there"], there, stage)
    assert marks_in(f"<p>{HERE}</p>".encode(), there, stage) == set()
    before = caller.prints[stage.there.brand.pk]
    Comment.objects.filter(pk=stage.things["there", "comment"].pk).update(text="Autre chose.")
    assert changed(before, fingerprint(stage.there.brand)) == {"posts_comment"}
    assert changed(caller.prints[stage.here.brand.pk], fingerprint(stage.here.brand)) == set()


# --- Commands -----------------------------------------------------------------------------------------
# What listens or starts processes: the worker, whose round is made after every call of the matrix, the demonstration
# network, which has no brand, and `up`, which starts the others (tests/test_up.py).
PROCESSES = {"publish_worker", "demo_network", "up"}
DRAFTED = ("lineage", "post", "revision", "contribution", "delivery", "recurrence")
COMMANDS: dict[str, list[list[str]]] = {
    "checkpoint_journal": [["--to", "{tmp}/checkpoint"]],
    "verify_journal": [[], ["{here}"]],
    "deliveries": [[], ["--brand", "{here}", "--list", "50"]],
    "tick": [["--once"]],
    "add_channel": [["{here}", "autre", "--adapter", "console"]],
    "stop": [["--all"], ["{here}"], ["--start", "{here}"]],
    "rotate_secrets": [[]],
    "replay_gate": [[], ["--since", "2020-01-01"]],
    "explain": [[f"{{{state}}}"] for state in STATES],
    "seed_demo": [[], ["--without-posts"]],
    "api_token": [[f"{{email of {who}}}", "--brand", "{here}"] for who in ("ines", "outsider", "superuser")],
}
# What works for every brand alike: the same secrets sealed anew; all of what time brings, such as drafts that recur.
TOUCHES = {
    "rotate_secrets": {"publishing_channelsecret"},
    "tick": {"approvals_credential", *(f"posts_{one}" for one in DRAFTED)},
}


def ours() -> set[str]:
    apps = ("accounts", "journal", "posts", "approvals", "publishing", "cm_queue")
    return {name for name, app in get_commands().items() if app in apps}


def test_every_command_is_either_called_or_a_process():
    assert ours() == set(COMMANDS) | PROCESSES


def run(name: str, words: list[str], out: StringIO) -> None:
    """The command; of the ticker its parts, because it begins by giving back a connection that is in a
    transaction, and this test's is."""
    if name != "tick":
        call_command(name, *words, stdout=out, stderr=out)
        return
    keep_local_times()
    for part in ticking._PARTS:
        part()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_no_command_lets_anything_past_the_gate(stage: Stage, name: str, tmp_path: Path):
    """With a post in every state, by whoever has a shell: no command has an actor, nor a way around the gate."""
    given = {"tmp": str(tmp_path), "here": stage.here.brand.slug}
    given |= {state: str(stage.posts[state].pk) for state in STATES}
    given |= {f"email of {who}": user.email for who, user in stage.people.items()}
    seen = stage.network.front.seen
    for words in COMMANDS[name]:
        before = len(seen)
        with transaction.atomic():
            prints = fingerprint(stage.there.brand)
            out = StringIO()
            with suppress(CommandError, SystemExit):
                run(name, [word.format_map(given) for word in words], out)
            assert [one for one in seen[before:] if one.method != "GET"] == []
            if words != ["--all"]:
                assert changed(prints, fingerprint(stage.there.brand)) <= TOUCHES.get(name, set())
            assert THERE.lower() not in out.getvalue().lower() or name in ("deliveries", "verify_journal")
            make_all_due()
            stage.round()
            assert judge(seen[before:]) == []
            transaction.set_rollback(True)


def test_a_shell_gives_nobody_a_token_for_a_brand_that_is_not_theirs(stage: Stage):
    for who in ("outsider", "superuser"):
        with pytest.raises(CommandError):
            call_command("api_token", stage.people[who].email, "--brand", stage.here.brand.slug)
