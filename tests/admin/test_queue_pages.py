"""RQ's pages for what is no longer there: a stale list leads to "not found" and to no crash."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize(
    "page",
    [
        "queues/0/gone/delete/",
        "queues/0/gone/requeue/",
        "workers/0/rq:worker:gone/",
        "workers/0/x/",
        "schedulers/0/",
    ],
)
def test_what_is_gone_is_not_found(client: Client, page: str):
    assert client.get(f"/admin/rq/{page}").status_code == 404


def test_the_overview_is_there(client: Client):
    assert client.get("/admin/rq/").status_code == 200
