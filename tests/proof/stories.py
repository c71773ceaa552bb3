"""Random stories written straight into the tables: what verbs would refuse is written as well, because the
loader must not rely on them. Drawn from a number, so that a failing one is told again by its number alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from accounts.models import Absence, Membership, User
from approvals.models import Credential, Decision, Epoch, Incident, Override, Pause, Policy, PolicyState
from approvals.policy import PRESETS
from posts.models import Contribution, Post
from tests.casting import Cast

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DOMAINS = ("craft", "company", "crisis", "channel:demo", "channel:console", "topic:legal")
SCOPES: tuple[dict[str, Any], ...] = (
    {"brand": True},
    {"brand": False, "channels": ["demo"], "products": []},
    {"channels": ["console"], "products": []},
    {"channels": [], "products": ["lampe-aurore"]},
    {"channels": ["nowhere"], "products": ["lampe-crepuscule"]},
    {},
)


class Story(Random):
    """`posts` are of one lineage but for the last one; `now` is the instant at which all is looked at."""

    def __init__(self, number: int, cast: Cast, posts: list[Post], now: datetime) -> None:
        super().__init__(number)
        self.cast, self.posts, self.now = cast, posts, now
        self.people = [*cast.people.values()]

    def who(self) -> User:
        return self.choice(self.people)

    def when(self) -> datetime:
        """Often a known edge, or beside it."""
        step = self.choice((-60 * DAY, -DAY, -HOUR, timedelta(), timedelta(), HOUR, 2 * HOUR, DAY))
        return self.now + step + self.choice((timedelta(), timedelta(), timedelta(microseconds=1)))

    def play(self, steps: int) -> None:
        for _step in range(steps):
            self.choice(STEPS)(self)

    # --- Words ----------------------------------------------------------------------------------
    def say(self) -> None:
        post = self.choice(self.posts)
        post.refresh_from_db()
        word = self.choice(("approve", "approve", "approve", "reject", "request_changes", "withdraw"))
        revision = post.revision
        assert revision is not None
        Decision.objects.create(
            post=post,
            revision=revision,
            user=self.who(),
            decision=word,
            digest=revision.digest if self.random() < 0.9 else "0" * 64,
            epoch=self.choice((0, 0, 0, 1, 2)),
            rests_on=self.choice(([["craft", 2]], [["craft", 2], ["company", 2]])),
            binding=word in ("reject", "request_changes") and self.random() < 0.7,
            comment="" if word in ("approve", "withdraw") else "Non.",
            at=min(self.when(), self.now),
        )

    def override(self) -> None:
        rows = Decision.objects.filter(binding=True)
        if rows:
            row, domain = self.choice([*rows]), self.choice(("craft", "company"))
            Override.objects.get_or_create(
                decision=row, user=self.who(), domain=domain, defaults={"reason": "Oui.", "at": self.now}
            )

    def contribute(self) -> None:
        post = self.choice(self.posts)
        Contribution.objects.get_or_create(
            post=post, lineage=post.lineage, user=self.who(), light=self.random() < 0.6
        )

    # --- People ---------------------------------------------------------------------------------
    def grant(self) -> None:
        state = self.choice(
            ("ACTIVE", "ACTIVE", "ACTIVE", "LAPSED", "REVOKED", "PROPOSED", "DECLINED", "REPLACED")
        )
        user = self.who()
        if Credential.objects.filter(user=user, state="PROPOSED"):
            state = "ACTIVE"
        grantor = self.choice([one for one in self.people if one.pk != user.pk])
        ended = state not in ("ACTIVE", "PROPOSED") or self.random() < 0.1
        Credential.objects.create(
            brand=self.cast.brand,
            user=user,
            domain=self.choice(DOMAINS),
            level=self.randint(0, 3),
            state=state,
            valid_from=self.when(),
            confirmed_at=self.when() if state != "PROPOSED" else None,
            valid_until=self.when() if self.random() < 0.3 else None,
            ended_at=self.when() if ended else None,
            first_grantor=grantor,
        )

    def end_one(self) -> None:
        rows = Credential.objects.filter(brand=self.cast.brand, ended_at=None, state="ACTIVE")
        row = self.choice([*rows])
        Credential.objects.filter(pk=row.pk).update(ended_at=self.when(), state="SUSPENDED")

    def leave(self) -> None:
        user = self.who()
        if self.random() < 0.5:
            Membership.objects.filter(user=user).update(is_active=self.random() < 0.4)
        else:
            User.objects.filter(pk=user.pk).update(is_active=self.random() < 0.4)

    def link(self) -> None:
        one, other = self.sample(self.people, 2)
        User.objects.filter(pk=other.pk, same_person_as=None).update(same_person_as=one)

    def be_away(self) -> None:
        day = self.now.date() + timedelta(days=self.randint(-2, 2))
        last = day + timedelta(days=self.randint(0, 2))
        Absence.objects.create(brand=self.cast.brand, user=self.who(), first_day=day, last_day=last)

    # --- The brand --------------------------------------------------------------------------------
    def open_epoch(self) -> None:
        number = Epoch.objects.count() + 1
        Epoch.objects.create(brand=self.cast.brand, number=number, scope=self.choice(SCOPES), at=self.now)

    def incident(self) -> None:
        Incident.objects.create(
            brand=self.cast.brand,
            scope=self.choice(SCOPES),
            reason="Feu.",
            declared_by=self.who(),
            declared_at=self.now,
            lifted_at=self.choice((None, self.now)),
        )

    def pause(self) -> None:
        Pause.objects.create(
            brand=self.cast.brand,
            scope=self.choice(SCOPES),
            reason="J’attends.",
            by=self.who(),
            at=self.now,
            ended_at=self.choice((None, self.now, self.now)),
        )

    def legislate(self) -> None:
        preset = self.choice(("team", "team", "duo", "regulated", "none", "empty"))
        if preset == "none":
            Policy.objects.filter(brand=self.cast.brand).update(state=PolicyState.SUPERSEDED)
        else:
            self.cast.adopt(PRESETS.get(preset, {}))

    def stop(self) -> None:
        brand = type(self.cast.brand).objects.filter(pk=self.cast.brand.pk)
        brand.update(stopped_at=self.choice((None, None, self.now)))

    # --- The post ---------------------------------------------------------------------------------
    def change_post(self) -> None:
        post = self.choice(self.posts)
        post.refresh_from_db()
        digest = post.revision.digest if post.revision else ""
        changes: tuple[dict[str, Any], ...] = (
            {"kind": self.choice(("routine", "launch", "reply", "sensitive_reply", "crisis"))},
            {"products": self.choice(([], ["lampe-aurore"]))},
            {"topics": self.choice(([], ["legal"], ["prix"]))},
            {"held_by": self.choice((None, None, self.who()))},
            {"slot": self.choice((None, self.now, self.now + HOUR, self.now + DAY))},
            {"window_from": self.choice((None, self.now, self.now - DAY))},
            {"window_until": self.choice((None, self.now, self.now + DAY))},
            {
                "released_by": self.who(),
                "released_digest": self.choice((digest, digest, "0" * 64)),
                "released_epoch": self.choice((None, 0, 0, 1)),
            },
        )
        Post.objects.filter(pk=post.pk).update(**self.choice(changes))


STEPS: tuple[Callable[[Story], None], ...] = (
    *(Story.say,) * 5,
    *(Story.contribute, Story.grant) * 2,
    *(Story.change_post,) * 2,
    Story.override,
    Story.end_one,
    Story.leave,
    Story.link,
    Story.be_away,
    Story.open_epoch,
    Story.incident,
    Story.pause,
    Story.legislate,
    Story.stop,
)
