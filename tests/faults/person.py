"""Somebody who cannot sit still: edits, approves, holds, revokes, pauses, declares and lifts, at random.

    DATABASE_URL=… python -m tests.faults.person --seed 7 --seconds 20

A process of its own, so that everything it does races real workers. Every act goes through the product's
verbs; a refusal is an answer like another. Says "ready", begins when it reads a line, and prints in the end
how often each act was done and refused.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cm_queue.settings")
django.setup()

from django.db import DatabaseError, connection, transaction  # noqa: E402
from django.db.models import Exists, OuterRef  # noqa: E402

from accounts.clock import database_now  # noqa: E402
from accounts.locks import change_standing  # noqa: E402
from accounts.models import Brand, User  # noqa: E402
from accounts.refusals import Refused  # noqa: E402
from approvals.expertise import revoke  # noqa: E402
from approvals.incidents import declare, end_pause, lift, pause  # noqa: E402
from approvals.levels import in_force  # noqa: E402
from approvals.models import Credential, CredentialState, Incident, Pause, Verdict  # noqa: E402
from approvals.reviewing import Word, decide, revise  # noqa: E402
from approvals.steering import hold, resume  # noqa: E402
from posts.lifecycle import PostState  # noqa: E402
from posts.models import Channel, Post  # noqa: E402
from publishing.connecting import pause_channel, resume_channel  # noqa: E402
from publishing.stopping import start_brand, stop_brand  # noqa: E402
from tests.faults import bare  # noqa: E402

WAITING = [PostState.IN_REVIEW.value, PostState.HELD.value]
COMING = [PostState.SCHEDULED.value, PostState.RELEASING.value]
# Who reads, most often those whose word counts.
READERS = ("nadia", "nadia", "hugo", "hugo", "marc", "ines")


class Person:
    """One of the cast at a time, picked by the seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.done: Counter[str] = Counter()
        self.brands = list(Brand.objects.order_by("pk"))
        self.acts: dict[Callable[[], object], int] = {
            self.edit: 14,
            self.approve: 44,
            self.hold: 6,
            self.resume: 9,
            self.revoke: 2,
            self.entrust_again: 6,
            self.pause: 2,
            self.end_pause: 8,
            self.declare: 1,
            self.lift: 8,
            self.pause_channel: 3,
            self.resume_channel: 8,
            self.stop: 1,
            self.start: 6,
        }

    def act(self) -> None:
        (act,) = self.chance.choices(list(self.acts), list(self.acts.values()))
        try:
            did = act()
        except Refused as refusal:
            self.done[f"{act.__name__}: {refusal.code}"] += 1
        except DatabaseError as error:
            self.done[f"{act.__name__}: {type(error).__name__}"] += 1
            connection.close()
        else:
            if did is not None:
                self.done[act.__name__] += 1

    # --- What is there to act on -------------------------------------------------------------------
    def _brand(self) -> Brand:
        return self.chance.choice(self.brands)

    def _who(self, brand: Brand, name: str) -> User:
        return User.objects.get(email=f"{name}@{brand.slug}.example")

    def _post(self, states: Sequence[str]) -> Post | None:
        found = (
            Post.objects.filter(state__in=states).select_related("brand", "revision").order_by("slot", "pk")
        )
        # Near its slot, where it meets the workers.
        near = list(found[:30])
        return self.chance.choice(near) if near else None

    # --- Acts: each answers None when there was nothing to do -------------------------------------------
    def edit(self) -> object:
        if (post := self._post([*COMING, *WAITING])) is None or post.revision is None:
            return None
        text = f"{post.revision.content['text'].partition(' ~')[0]} ~{self.chance.randrange(3)}"
        return revise(self._who(post.brand, self.chance.choice(["ines", "marc"])), post.pk, {"text": text})

    def approve(self) -> object:
        if (post := self._post(WAITING)) is None or post.revision is None:
            return None
        word = Word(Verdict.APPROVE.value, post.revision.digest)
        return decide(self._who(post.brand, self.chance.choice(READERS)), post.pk, word)

    def hold(self) -> object:
        if (post := self._post(COMING)) is None:
            return None
        return hold(self._who(post.brand, self.chance.choice(["ines", "denis"])), post.pk, "wait")

    def resume(self) -> object:
        held = list(Post.objects.filter(held_by__isnull=False).select_related("brand")[:20])
        if not held:
            return None
        post = self.chance.choice(held)
        return resume(self._who(post.brand, "nadia"), post.pk)

    def revoke(self) -> object:
        brand = self._brand()
        held = list(
            in_force(brand, database_now())
            .filter(user__name__in=["Nadia", "Hugo"], state="ACTIVE")
            .order_by("pk")
        )
        if not held:
            return None
        return revoke(self._who(brand, "olga"), self.chance.choice(held).pk, "a cause")

    def entrust_again(self) -> object:
        """What was revoked is granted anew, as a row of its own, under the brand's exclusive lock."""
        now_held = Credential.objects.filter(
            user=OuterRef("user"), domain=OuterRef("domain"), state=CredentialState.ACTIVE
        )
        lost = list(Credential.objects.filter(~Exists(now_held), state=CredentialState.REVOKED))
        if not lost:
            return None
        row = self.chance.choice(lost)
        with transaction.atomic():
            change_standing(row.brand_id)
            now = database_now()
            row.pk, row.ended_at, row.end_cause = None, None, ""
            row.state, row.valid_from, row.confirmed_at = CredentialState.ACTIVE, now, now
            row.save(force_insert=True)
        return row

    def _scope(self, brand: Brand) -> dict[str, object]:
        if self.chance.random() < 0.4:
            return {"brand": True}
        keys = list(brand.channels.values_list("key", flat=True).order_by("pk"))
        return {"channels": [self.chance.choice(keys)]}

    def pause(self) -> object:
        brand = self._brand()
        return pause(self._who(brand, "denis"), brand, self._scope(brand), "a doubt")

    def end_pause(self) -> object:
        open_ones = list(Pause.objects.filter(ended_at__isnull=True).select_related("brand"))
        if not open_ones:
            return None
        one = self.chance.choice(open_ones)
        return end_pause(self._who(one.brand, "hugo"), one.pk)

    def declare(self) -> object:
        brand = self._brand()
        return declare(self._who(brand, "victor"), brand, self._scope(brand), "a bad buzz")

    def lift(self) -> object:
        open_ones = list(Incident.objects.filter(lifted_at__isnull=True).select_related("brand"))
        if not open_ones:
            return None
        one = self.chance.choice(open_ones)
        lift(self._who(one.brand, "victor"), one.pk)
        return lift(self._who(one.brand, "hugo"), one.pk)

    def _channel(self, *, paused: bool) -> Channel | None:
        found = list(
            Channel.objects.filter(paused_at__isnull=not paused).select_related("brand").order_by("pk")
        )
        return self.chance.choice(found) if found else None

    def pause_channel(self) -> object:
        if (channel := self._channel(paused=False)) is None:
            return None
        pause_channel(self._who(channel.brand, "ines"), channel, "a doubt")
        return channel

    def resume_channel(self) -> object:
        if (channel := self._channel(paused=True)) is None:
            return None
        resume_channel(self._who(channel.brand, "olga"), channel)
        return channel

    def stop(self) -> object:
        brand = self._brand()
        stop_brand(self._who(brand, "ines"), brand)
        return brand

    def start(self) -> object:
        stopped = list(Brand.objects.filter(stopped_at__isnull=False))
        if not stopped:
            return None
        brand = self.chance.choice(stopped)
        start_brand(self._who(brand, "olga"), brand)
        return brand


def main(seed: int, seconds: float) -> None:
    person = Person(seed)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        person.act()
        time.sleep(person.chance.uniform(0, 0.04))
    sys.stdout.write(json.dumps(person.done))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.person", description=__doc__)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    bare.add()
    main(chosen.seed, chosen.seconds)
