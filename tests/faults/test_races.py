"""Case 30: an edit, a hold, a revocation or an incident races the release, between real processes on the
run's database. Each falls wholly before the send or wholly after it, and nothing is ever mixed.

What a person does happens in this process, what the worker does in another one; who wins is left to the
operating system, and the moment is moved a little each time so that both win.
"""

from __future__ import annotations

import json
import os
import queue
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.db import connection

from accounts.refusals import Refused
from approvals.expertise import revoke
from approvals.incidents import declare, lift
from approvals.models import Credential, Verdict
from approvals.reviewing import Word, decide, revise
from approvals.steering import hold
from cm_queue.demo_network import serve
from journal.models import Entry
from posts.lifecycle import DeliveryState, PostState
from posts.models import Post
from publishing.models import Attempt, Permit
from tests.conftest import Launch
from tests.contract.stand_ins.serving import serving
from tests.staging import House, delivery_of, digest_of, fresh, house, say, soon

pytestmark = [
    pytest.mark.processes,
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
# Each of the four acts gets a quarter. SQLite has one writer: fewer orders are possible there. `make prove`
# asks for more of them, by RACES (1,000 on PostgreSQL, 200 on SQLite).
INTERLEAVINGS = int(os.environ.get("RACES", {"postgresql": 100, "sqlite": 40}[connection.vendor]))
LATEST_S = 0.03
S, P = DeliveryState, PostState

# Stands ready with everything loaded, and works one round whenever it is told to.
WORKER = """
import sys, django
django.setup()
from publishing.draining import drain
print("ready", flush=True)
for line in sys.stdin:
    print(drain("racing-worker", 20), flush=True)
"""


@pytest.fixture
def far_side(tmp_path: Path) -> Iterator[str]:
    server = serve(tmp_path / "network", 0)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def lumiere(child_environment: dict[str, str], far_side: str) -> House:
    made = house()
    made.connect("demo", base_url=far_side, account="maison-lumiere")
    return made


class Worker:
    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        assert self._out.readline() == b"ready\n"

    def go(self) -> None:
        self._in.write(b"go\n")
        self._in.flush()

    def done(self) -> int:
        return int(self._out.readline())

    def work(self) -> int:
        self.go()
        return self.done()


@pytest.fixture
def worker(lumiere: House, child_environment: dict[str, str], launch: Launch) -> Worker:
    environment = {**child_environment, "DJANGO_SETTINGS_MODULE": "cm_queue.settings"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return Worker(launch([sys.executable, "-c", WORKER], environment, **pipes))


def published(far_side: str) -> dict[str, int]:
    """How often each text is out."""
    with urllib.request.urlopen(f"{far_side}/api/posts?account=maison-lumiere", timeout=10) as answer:
        found: dict[str, int] = {}
        for post in json.load(answer):
            found[post["text"]] = found.get(post["text"], 0) + 1
    return found


# --- What races: answers whether it was in time -------------------------------------------------------
def edited(lumiere: House, post: Post) -> bool:
    try:
        revise(lumiere.ines, post.pk, {"text": f"{post.pk} edited"})
    except Refused as refused:
        return refused.code != "already_out"
    return True


def held(lumiere: House, post: Post) -> bool:
    try:
        hold(lumiere.ines, post.pk, "wait")
    except Refused as refused:
        return refused.code != "cannot_hold"
    return not sent(post)


def revoked(lumiere: House, post: Post) -> bool:
    held_now = Credential.objects.filter(user=lumiere.nadia, domain="company", ended_at__isnull=True).get()
    revoke(lumiere.olga, held_now.pk, "a cause")
    return not sent(post)


def incident(lumiere: House, post: Post) -> bool:
    declare(lumiere.victor, lumiere.brand, {"brand": True}, "a bad buzz")
    return not sent(post)


def sent(post: Post) -> bool:
    """Whether SENDING was committed when the act had been: the point of no return lay before it."""
    return Attempt.objects.filter(delivery__post=post).exists()


def restore(lumiere: House, act: Callable[[House, Post], bool]) -> None:
    """The world as it was before the next round."""
    if act is revoked:
        last = Credential.objects.filter(user=lumiere.nadia, domain="company").latest("pk")
        last.pk, last.ended_at, last.state, last.end_cause = None, None, "ACTIVE", ""
        last.valid_from = last.confirmed_at = soon(-0.001)
        last.save(force_insert=True)
    if act is incident:
        made = lumiere.brand.incidents.latest("pk")
        lift(lumiere.victor, made.pk)
        lift(lumiere.hugo, made.pk)


@pytest.mark.parametrize("act", [edited, held, revoked, incident])
def test_case_30_a_race_with_the_release(
    lumiere: House, worker: Worker, far_side: str, act: Callable[[House, Post], bool]
) -> None:
    chance = random.Random(30)
    rounds = INTERLEAVINGS // 4
    before, after, took = 0, 0, LATEST_S
    for _ in range(rounds):
        post = lumiere.approved(f"{Post.objects.count() + 1} approved")
        text = f"{post.pk} approved"
        revise_text_to(lumiere, post, text)
        began = time.monotonic()
        worker.go()
        time.sleep(chance.uniform(0, took * 1.5))
        in_time = act(lumiere, post)
        worker.done()
        took = max(LATEST_S, min(0.3, time.monotonic() - began))
        out = published(far_side)
        if in_time:
            before += 1
            assert text not in out, f"{act.__name__} was in time, and it went out"
            assert delivery_of(post).lifecycle not in {S.SENDING, S.DELIVERED, S.UNKNOWN}
            assert not Attempt.objects.filter(delivery__post=post).exists()
        else:
            after += 1
            assert out[text] == 1
            assert delivery_of(post).lifecycle is S.DELIVERED
            assert fresh(post).lifecycle is P.PUBLISHED
        _never_mixed(post, out)
        restore(lumiere, act)
    assert before + after == rounds


def revise_text_to(lumiere: House, post: Post, text: str) -> None:
    if (fresh(post).revision or post.revision).content["text"] != text:  # type: ignore[union-attr]
        revise(lumiere.ines, post.pk, {"text": text})
        say(lumiere.nadia, post)


def _never_mixed(post: Post, out: dict[str, int]) -> None:
    """What is out is what was approved; every send had a permit, spent once, for those bytes; nothing is
    left under way; and the journal tells of no send that was not."""
    assert f"{post.pk} edited" not in out
    attempts = list(Attempt.objects.filter(delivery__post=post).select_related("permit"))
    assert len(attempts) == (f"{post.pk} approved" in out)
    spent = Permit.objects.filter(delivery__post=post, spent_at__isnull=False)
    assert sorted(one.pk for one in spent) == sorted(one.permit_id or 0 for one in attempts)
    assert delivery_of(post).lifecycle not in {S.CLAIMED, S.SENDING}
    told = Entry.objects.filter(verb="delivery.delivered", post_id=post.pk).count()
    assert told == len(attempts)


def test_two_people_on_one_post_at_the_same_time_meet_in_order(lumiere: House) -> None:
    """A reviewer's approval waits for the author's edit and then sees it: stale, and not a crash."""
    for number in range(10):
        post = lumiere.submitted(f"post {number}", slot=soon(3600).isoformat())
        seen = digest_of(post)
        said: queue.Queue[str] = queue.Queue()
        thread = threading.Thread(target=_approve, args=(lumiere, post, seen, said))
        thread.start()
        revise(lumiere.ines, post.pk, {"text": f"post {number}, edited"})
        thread.join()
        assert said.get_nowait() in {"approved", "stale_digest"}
        assert fresh(post).lifecycle is P.IN_REVIEW


def _approve(lumiere: House, post: Post, digest: str, said: queue.Queue[str]) -> None:
    try:
        decide(lumiere.nadia, post.pk, Word(Verdict.APPROVE.value, digest))
        said.put("approved")
    except Refused as refused:
        said.put(refused.code)
    finally:
        connection.close()
