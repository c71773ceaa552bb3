"""`make lint`: the two pinned lists stand for what pyproject.toml asks. Works offline, resolves nothing.

python -m tests.requirements
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent


def pins(text: str) -> tuple[dict[str, Version], list[str]]:
    """The versions a list pins, and what is wrong with its lines."""
    found: dict[str, Version] = {}
    faults: list[str] = []
    for line in re.sub(r"\s*\\\n\s*", " ", text).splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        head = re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;]+)", line)
        if head is None:
            faults.append(f"not pinned to one version: {line.split(' --hash')[0].strip()}")
            continue
        if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", line):
            faults.append(f"without a hash: {head[1]}")
        found[canonicalize_name(head[1])] = Version(head[2])
    return found, faults


def unmet(asked: list[str], pinned: dict[str, Version]) -> list[str]:
    """Direct dependencies that a list lacks, or pins to a version that is not accepted."""
    faults = []
    for requirement in map(Requirement, asked):
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None:
            faults.append(f"missing: {requirement}")
        elif not requirement.specifier.contains(version, prereleases=True):
            faults.append(f"{requirement} is asked, {version} is pinned")
    return faults


def check(project: str, runtime: str, development: str) -> list[str]:
    """Everything wrong between the texts of pyproject.toml, requirements.txt and requirements-dev.txt."""
    told = tomllib.loads(project)["project"]
    asked, extra = told["dependencies"], told["optional-dependencies"]["dev"]
    run_pins, run_faults = pins(runtime)
    dev_pins, dev_faults = pins(development)
    faults = [f"requirements.txt: {fault}" for fault in run_faults + unmet(asked, run_pins)]
    faults += [f"requirements-dev.txt: {fault}" for fault in dev_faults + unmet(asked + extra, dev_pins)]
    faults += [
        f"{name} is {version} in requirements.txt and {dev_pins.get(name)} in requirements-dev.txt"
        for name, version in run_pins.items()
        if dev_pins.get(name) != version
    ]
    return faults


def main() -> int:
    files = ("pyproject.toml", "requirements.txt", "requirements-dev.txt")
    faults = check(*((ROOT / name).read_text() for name in files))
    for fault in faults:
        print(fault, file=sys.stderr)  # noqa: T201
    if faults:
        print("Run `make requirements`.", file=sys.stderr)  # noqa: T201
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
