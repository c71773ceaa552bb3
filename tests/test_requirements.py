from __future__ import annotations

import pytest

from tests.requirements import check

HASH = "--hash=sha256:" + "0" * 64
PROJECT = """
[project]
dependencies = ["django~=5.2.0", "Django-RQ[x]~=4.2.0"]
[project.optional-dependencies]
dev = ["pytest~=9.0"]
"""
RUNTIME = f"django==5.2.19 \\\n    {HASH}\ndjango-rq==4.2.0 {HASH}\n    # via cm-queue\n"
DEVELOPMENT = RUNTIME + f"pytest==9.2.0 {HASH}\n"


def test_lists_that_stand_for_the_project_pass():
    assert check(PROJECT, RUNTIME, DEVELOPMENT) == []


@pytest.mark.parametrize(
    ("runtime", "development", "fault"),
    [
        (RUNTIME.replace("5.2.19", "6.0"), DEVELOPMENT, "django~=5.2.0 is asked, 6.0 is pinned"),
        (RUNTIME.replace(f"django-rq==4.2.0 {HASH}", ""), DEVELOPMENT, "missing: Django-RQ[x]~=4.2.0"),
        (RUNTIME + "rq>=3 " + HASH, DEVELOPMENT, "not pinned to one version: rq>=3"),
        (RUNTIME + "rq==3.0.0\n", DEVELOPMENT, "without a hash: rq"),
        (RUNTIME, RUNTIME, "requirements-dev.txt: missing: pytest~=9.0"),
        (RUNTIME, DEVELOPMENT.replace("5.2.19", "5.2.18"), "django is 5.2.19 in requirements.txt and 5.2.18"),
    ],
)
def test_each_fault_is_named(runtime: str, development: str, fault: str):
    assert any(fault in found for found in check(PROJECT, runtime, development))
