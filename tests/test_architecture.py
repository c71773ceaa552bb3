"""What every file of the house keeps to. A past mistake becomes a check here.

The import direction itself is held by import-linter (`make lint`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("accounts", "adapters", "approvals", "cm_queue", "journal", "posts", "publishing")
FORBIDDEN_NAMES = {"services.py", "utils.py", "helpers.py", "common.py", "signals.py"}


def _sources() -> list[Path]:
    return [
        path
        for app in APPS
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts and "__pycache__" not in path.parts
    ]


SOURCES = {str(path.relative_to(ROOT)): ast.parse(path.read_text(), str(path)) for path in _sources()}


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _senders(tree: ast.AST) -> Iterator[int]:
    """Lines that call something's `publish` or `correct`, or fetch the method by its name."""
    sending = {"publish", "correct"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in sending:
            yield node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in {"getattr", "methodcaller", "attrgetter"}:
                words = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
                if sending & set(map(str, words)):
                    yield node.lineno


def _state_writers(tree: ast.AST, *, own_states: bool) -> Iterator[int]:
    """Lines that write a `state`. `own_states`: the file's app has states of its own (a credential's, a
    policy's), so only writes that speak of a post or a delivery count."""

    def counts(text: str) -> bool:
        return not own_states or re.search(r"(?i)post|deliver", text) is not None

    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if (
                    isinstance(target, ast.Attribute)
                    and target.attr == "state"
                    and counts(ast.unparse(target))
                ):
                    yield node.lineno
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = ast.unparse(node.func)
            updates = node.func.attr in {"update", "aupdate"} and "state" in [
                key.arg for key in node.keywords
            ]
            saves = node.func.attr in {"bulk_update", "save", "asave"} and "'state'" in ast.unparse(node)
            if (updates or saves) and counts(called):
                yield node.lineno


def _found(lines_of: dict[str, Iterator[int]], allowed: set[str]) -> list[str]:
    return [f"{name}:{line}" for name, lines in lines_of.items() if name not in allowed for line in lines]


def test_only_releasing_calls_an_adapter():
    """One way to the network: with a permit, from the release. Adapters may build on one another's base."""
    lines = {name: _senders(tree) for name, tree in SOURCES.items() if not name.startswith("adapters/")}
    assert _found(lines, {"publishing/releasing.py"}) == []


def test_releasing_does_call_it():
    """So that the check above cannot pass because the method was renamed."""
    assert list(_senders(SOURCES["publishing/releasing.py"]))


def test_only_moves_writes_a_state():
    lines = {
        name: _state_writers(tree, own_states=name.startswith("approvals/"))
        for name, tree in SOURCES.items()
        if name.startswith(("posts/", "publishing/", "approvals/", "cm_queue/", "journal/"))
    }
    assert _found(lines, {"posts/moves.py"}) == []


def test_moves_does_write_it():
    assert list(_state_writers(SOURCES["posts/moves.py"], own_states=False))


def test_state_names_are_members_and_not_text():
    """A state in quotes survives the renaming of the state."""
    from posts.lifecycle import DeliveryState, PostState

    names = {str(state.value) for state in (*PostState, *DeliveryState)}
    ambiguous = {
        "draft",
        "failed",
        "published",
        "unknown",
        "missed",
        "held",
        "scheduled",
        "releasing",
        "sending",
    }
    compared = []
    for name, tree in SOURCES.items():
        if name == "posts/lifecycle.py":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and re.fullmatch(r"(.*__)?state(__in)?", node.arg or ""):
                texts = [one for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
            elif isinstance(node, ast.Compare) and "state" in ast.unparse(node.left):
                texts = [
                    one
                    for right in node.comparators
                    for one in ast.walk(right)
                    if isinstance(one, ast.Constant)
                ]
            else:
                continue
            compared += [
                f"{name}:{one.lineno} {one.value!r}" for one in texts if one.value in names | ambiguous
            ]
    assert compared == []


def test_a_post_is_never_saved_whole():
    """A full save writes back what somebody else has changed meanwhile: name the fields, or use a move."""
    bare = [
        f"{name}:{call.lineno}"
        for name, tree in SOURCES.items()
        for call in _calls(tree)
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in {"save", "asave"}
        and re.search(r"(?i)(^|_|\.)(post|delivery|revision)$", ast.unparse(call.func.value))
        and not any(key.arg in {"update_fields", "force_insert"} for key in call.keywords)
    ]
    assert bare == []


def test_no_flag_walks_around_a_check():
    flags = {"force", "skip_checks", "bypass", "skip_gate", "unsafe"}
    found = [
        f"{name}:{node.lineno} {argument.arg}"
        for name, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        if argument.arg in flags
    ]
    assert found == []


def test_modules_are_named_after_verbs_of_the_trade():
    assert [name for name in SOURCES if Path(name).name in FORBIDDEN_NAMES] == []


def test_business_runs_on_no_signals():
    """`post_migrate` puts database triggers in place, which is no business; nothing else may listen."""
    allowed = {"post_migrate", "request_started", "request_finished", "connection_created"}
    found = []
    for name, tree in SOURCES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.endswith(".signals"):
                found += [f"{name}: {one.name}" for one in node.names if one.name not in allowed]
    assert found == []


def test_tests_mock_none_of_our_modules():
    ours = re.compile(rf"""(patch|setattr)\(\s*["']({"|".join(APPS)})\.""")
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if re.search(r"unittest\.mock|from mock ", path.read_text()) or ours.search(path.read_text())
    ]
    assert [name for name in found if name != "tests/test_architecture.py"] == []


@pytest.mark.parametrize("marker", ["<script>", "<style", " onclick=", " onload=", " onchange=", ' style="'])
def test_templates_hold_nothing_inline(marker: str):
    """The Content-Security-Policy would refuse it in the browser, where nobody sees that."""
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "templates").rglob("*.html"))
        if marker
        in re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", path.read_text(), flags=re.DOTALL)
    ]
    assert found == []


def test_templates_load_nothing_from_elsewhere():
    away = re.compile(r"""(src|href)=["'](https?:)?//""")
    found = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for line in path.read_text().splitlines()
        if away.search(line) and re.search(r"<(script|link|img|iframe)\b", line)
    ]
    assert found == []


def test_no_machine_and_no_registry_is_written_down():
    """The tree runs anywhere: no absolute home, no index of packages."""
    trace = re.compile(
        r"/home/\w+|/root/|/work/|/Users/\w+|--index-url|--extra-index-url|find-links|PIP_[A-Z_]+="
    )
    texts = (
        "Makefile",
        ".ci/run",
        ".ci/prepare",
        "pyproject.toml",
        "requirements.txt",
        "requirements-dev.txt",
    )
    found = [name for name in texts if trace.search((ROOT / name).read_text())]
    found += [name for name in SOURCES if trace.search((ROOT / name).read_text())]
    assert found == []


def test_the_gate_and_the_lifecycle_are_pure():
    """They import types and time, and nothing that could look elsewhere: the same facts, the same verdict."""
    allowed = {"__future__", "collections.abc", "dataclasses", "datetime", "enum"}
    for name in ("approvals/gate.py", "posts/lifecycle.py"):
        nodes = list(ast.walk(SOURCES[name]))
        modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        modules |= {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
        assert modules <= allowed, name
        asked = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        assert not asked & {"now", "today", "utcnow"}, f"{name} looks at a clock"


def test_everything_is_caught_at_a_boundary_only():
    """A blanket `except` that does not raise again hides our own faults. Two are meant: an adapter's call,
    whose attempt becomes an unknown outcome, and a part of a tick, which must not stop the others."""
    blind = {"Exception", "BaseException"}
    found = [
        name
        for name, tree in SOURCES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (
            node.type is None or blind & {one.id for one in ast.walk(node.type) if isinstance(one, ast.Name)}
        )
        and not any(isinstance(one, ast.Raise) for one in ast.walk(node))
    ]
    assert sorted(found) == ["publishing/releasing.py", "publishing/ticking.py"]
