"""A pytest plugin that puts mutants to the tests it was given.

    python -m pytest -q -p tests.proof.killing --mutate approvals.gate [--share 0/2] [--only REGEX] TESTS…

Runs the tests once as they are; they must pass. Then, for every mutant, the warmed process forks: the child's
functions get the mutant's code, it runs the tests until the first one fails, and its exit says whether the
mutant was killed. No file is written, so nobody else in the tree notices. The tests come in the order in which
they were named: the quick ones first.
"""

from __future__ import annotations

import importlib
import os
import re
import signal
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from accounts.preparing import Prepared, PreparedObjects
from tests.proof.mutating import Mutant, mutants

KILLED, SURVIVED, TOO_LONG = 1, 0, 3
PATIENCE = 20.0
LEAST = 0.95
EXPLAINED = Path(__file__).resolve().parents[2] / "docs" / "proof.md"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mutation")
    group.addoption("--mutate", help="the module whose mutants are to be killed")
    group.addoption("--share", default="0/1", help="which mutants: 0/2 and 1/2 are the two halves")
    group.addoption("--only", default="", help="only mutants whose name matches this")


@dataclass
class Hunt:
    """What became of the mutants."""

    killed: int = 0
    too_long: int = 0
    survivors: list[Mutant] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    @property
    def tried(self) -> int:
        return self.killed + self.too_long + len(self.survivors)


class Stop:
    """In a child: the first test that fails ends it."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(KILLED)


def _put_in(module: types.ModuleType, mutant: Mutant) -> None:
    """The mutant's code in the functions that are there: whoever imported one by name has it too."""
    found = types.ModuleType(module.__name__)
    found.__file__ = module.__file__
    # A dataclass looks itself up there.
    sys.modules[module.__name__] = found
    exec(compile(mutant.tree, str(module.__file__), "exec"), found.__dict__)
    sys.modules[module.__name__] = module
    owner, _dot, name = mutant.function.rpartition(".")
    ours, theirs = (getattr(one, owner) if owner else one for one in (module, found))
    old, new = ours.__dict__[name], theirs.__dict__[name]
    if isinstance(old, property):
        old, new = old.fget, new.fget
    old.__code__ = new.__code__
    _write_anew(module)


def _write_anew(module: types.ModuleType) -> None:
    """What the module's functions made of queries before is the old code's."""
    for one in vars(module).values():
        prepared = one._asked if isinstance(one, PreparedObjects) else one
        if isinstance(prepared, Prepared):
            prepared._written.clear()


def _run(session: pytest.Session, items: list[pytest.Item]) -> None:
    for at, item in enumerate(items):
        # What lives as long as the session must not be torn down after the last one.
        following = items[at + 1] if at + 1 < len(items) else items[0]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _try(session: pytest.Session, module: types.ModuleType, mutant: Mutant | None, seconds: float) -> int:
    """What became of the mutant; without one, of the code as it is."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            session.config.pluginmanager.register(Stop())
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, 1)
            os.dup2(null, 2)
            signal.signal(signal.SIGALRM, lambda *_: os._exit(TOO_LONG))
            signal.alarm(int(seconds) + 1)
            if mutant is not None:
                _put_in(module, mutant)
            _run(session, session.items)
        except BaseException:  # noqa: BLE001 - a mutant that breaks the run itself is dead
            os._exit(KILLED)
        os._exit(SURVIVED)
    _pid, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    name = session.config.getoption("--mutate")
    if not name or session.config.option.collectonly:
        return None
    begun = time.monotonic()
    _run(session, session.items)
    once = time.monotonic() - begun
    if session.testsfailed:
        raise session.Failed("the tests must pass before anything is mutated")
    module, hunt = importlib.import_module(name), Hunt()
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    if _try(session, module, None, PATIENCE + 5 * once) != SURVIVED:
        raise session.Failed("in a forked process the tests fail without any mutant: each would seem killed")
    for mutant in _wanted(session, module):
        hunt.names.add(mutant.name)
        became = _try(session, module, mutant, PATIENCE + 5 * once)
        if became == SURVIVED:
            hunt.survivors.append(mutant)
            reporter.write_line(f"\nSURVIVED line {mutant.line}: {mutant.name}")
        elif became == TOO_LONG:
            hunt.too_long += 1
        else:
            hunt.killed += 1
        if hunt.tried % 50 == 0:
            reporter.write_line(f"\n{hunt.tried} mutants of {name}, {len(hunt.survivors)} alive")
    _judge(session, name, hunt, time.monotonic() - begun, reporter)
    return True


def _wanted(session: pytest.Session, module: types.ModuleType) -> Iterator[Mutant]:
    which, parts = map(int, session.config.getoption("--share").split("/"))
    only = session.config.getoption("--only")
    source = Path(str(module.__file__)).read_text(encoding="utf-8")
    for mutant in mutants(source):
        if mutant.number % parts == which and re.search(only, mutant.name):
            yield mutant


def _judge(session: pytest.Session, name: str, hunt: Hunt, seconds: float, reporter: Any) -> None:
    killed = hunt.killed + hunt.too_long
    share = killed / hunt.tried if hunt.tried else 0.0
    reporter.write_line(
        f"\n{name}: {hunt.tried} mutants, {killed} killed ({hunt.too_long} of them by taking too long), "
        f"{len(hunt.survivors)} alive: {share:.1%}, {seconds:.0f} s"
    )
    told = EXPLAINED.read_text(encoding="utf-8") if EXPLAINED.exists() else ""
    silent = [one.name for one in hunt.survivors if one.name not in told]
    for one in silent:
        reporter.write_line(f"not explained in docs/proof.md: {one}")
    alive = {one.name for one in hunt.survivors}
    # Two mutants of one name are one in docs/proof.md: it lives as long as either does.
    dead = sorted(one for one in hunt.names - alive if f"`{one}`" in told)
    for one in dead:
        reporter.write_line(f"explained in docs/proof.md, and lives no more: {one}")
    if share < LEAST or silent or dead:
        session.testsfailed += 1
