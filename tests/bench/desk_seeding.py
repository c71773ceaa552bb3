"""Fills a migrated PostgreSQL with a full desk: posts in review and posts that went out, in bulk.

    DATABASE_URL=… python -m tests.bench.desk_seeding --open 10000 --published 100000

A few posts of each kind are written, submitted, answered and released by the product's verbs; the others are
copies of them, made by the database itself: with their lineage, revision, deliveries, contributions, facets'
marks, requests, decisions, attempts and journal, spread over time. Prints one line of JSON: a reviewer's
session and where the copies lie.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cm_queue.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Model  # noqa: E402
from django.test import Client  # noqa: E402

from accounts.clock import database_now  # noqa: E402
from accounts.models import User  # noqa: E402
from approvals import steering  # noqa: E402
from approvals.models import Decision, Request, Verdict  # noqa: E402
from approvals.reviewing import revise  # noqa: E402
from cm_queue.seeding import PRODUCT, seed_demo  # noqa: E402
from journal.models import Entry, Notice  # noqa: E402
from posts.lifecycle import DeliveryState, PostState  # noqa: E402
from posts.models import Channel, Contribution, Delivery, FacetMark, Lineage, Post, Revision  # noqa: E402
from publishing.models import Attempt, ChannelHealth, Outcome  # noqa: E402
from tests.bench.copying import copy  # noqa: E402
from tests.staging import House, say  # noqa: E402

CHANNELS = ("demo", "vitrine", "atelier", "presse")
# Beside what waits: so many of each hundred of them are drafts, sent back, scheduled, held.
BESIDE = 20


def stage() -> House:
    """The demonstration's house, with channels that were all just checked."""
    brand = seed_demo(posts=False)
    for key in CHANNELS[1:]:
        Channel.objects.create(
            brand=brand, key=key, name=key.title(), network="console", account=f"console#{key}"
        )
    ChannelHealth.objects.all().delete()
    for channel in Channel.objects.filter(brand=brand):
        ChannelHealth.objects.create(channel=channel, checked_at=database_now())
    people = {user.email.partition("@")[0]: user for user in User.objects.order_by("pk")}
    return House(brand, people, {one.key: one for one in Channel.objects.filter(brand=brand)})


def _fields(number: int, **more: Any) -> dict[str, Any]:
    slot = database_now() + timedelta(hours=3, minutes=number)
    channels = [CHANNELS[number % 4], *([CHANNELS[(number + 1) % 4]] if number % 3 == 0 else [])]
    return {"channels": sorted(channels), "slot": slot.isoformat(), **more}


def in_review(home: House) -> list[Post]:
    """Of all kinds, some with one of two approvals, some with a product or topic."""
    made = []
    for number in range(8):
        text = f"Trois gestes pour nettoyer un abat-jour en lin sans le tacher, numéro {number} de la série."
        made.append(home.submitted(text, **_fields(number)))
    for number in range(4):
        text = "La lampe Aurore se lève avec vous : une lumière douce qui monte en trente minutes."
        launch = home.submitted(text, **_fields(number, kind="launch", products=[PRODUCT]))
        if number % 2:
            say(home.sofia, launch)
        made.append(launch)
    for number in range(2):
        reply = home.submitted(
            "Merci de votre patience : nous vérifions cela.", **_fields(number, kind="reply")
        )
        made.append(reply)
        text = "Nous avons lu votre plainte, et nous vous devons une réponse."
        sensitive = home.submitted(text, **_fields(number, kind="sensitive_reply", author=home.marc))
        say(home.victor, sensitive)
        made.append(sensitive)
    return made


def beside(home: House) -> list[Post]:
    """A draft, one sent back, one scheduled, one held."""
    draft = home.draft("Pourquoi le verre soufflé garde toujours une bulle.", **_fields(1))
    back = home.submitted("Nos lampes durent toute la vie.", **_fields(2))
    say(home.nadia, back, Verdict.REQUEST_CHANGES, "Dis « cinq ans ».")
    scheduled = home.approved("L’atelier ouvre ses portes samedi, de 10 h à 17 h.", **_fields(3))
    held = home.approved("Les soldes commencent mercredi dans nos boutiques.", **_fields(4))
    steering.hold(home.olga, held.pk, "On attend la date de la préfecture.")
    return [draft, back, scheduled, held]


def published(home: House) -> list[Post]:
    """Approved at once, or after a correction; sent as the release engine leaves it."""
    made = [home.approved(f"Une lampe qui dure, épisode {number}.", **_fields(number)) for number in range(4)]
    for number in range(2):
        post = home.submitted("Un abat-jour se lave à l’eau bouillante.", **_fields(number))
        say(home.nadia, post, Verdict.REQUEST_CHANGES, "Bouillante, il rétrécit : écris « tiède ».")
        revise(home.ines, post.pk, {"text": "Un abat-jour se lave à l’eau tiède."})
        say(home.nadia, post)
        made.append(post)
    ids = [post.pk for post in made]
    now = database_now()
    Post.objects.filter(pk__in=ids).update(state=PostState.PUBLISHED.value)
    rows = Delivery.objects.filter(post__in=ids)
    rows.update(state=DeliveryState.DELIVERED.value, delivered_at=now, token=1, attempts=1, remote_id="r")
    Attempt.objects.bulk_create(
        Attempt(delivery=row, token=1, key=row.key, started_at=now, ended_at=now, outcome=Outcome.DELIVERED)
        for row in rows
    )
    return made


# --- Copies -----------------------------------------------------------------------------------------
_MAP = """
CREATE TEMP TABLE m AS
SELECT n, o.id AS was, (SELECT max(id) FROM posts_post) + n AS post,
  (SELECT max(id) FROM posts_lineage) + n AS lineage, (SELECT max(id) FROM posts_revision) + n AS revision,
  o.revision_id AS was_revision, {slot} AS slot, {slot} - o.slot AS shift
FROM generate_series(1, %s) n JOIN posts_post o ON o.id = (%s::bigint[])[1 + n %% %s]
"""
_AHEAD = "(now() + interval '3 hours' + n * interval '4 minutes')"
# Two years back, evenly, the newest first.
_BACK = "(now() - interval '1 hour' - n * interval '730 days' / {total})"
_SHIFTED = "o.{0} + m.shift"


def _shifted(*names: str) -> dict[str, str]:
    return {name: f"o.{name} + m.shift" for name in names}


def copy_posts(models: Sequence[Post], count: int, slot: str) -> tuple[int, int]:
    """So many posts more; answers the ids of the first and the last."""
    ids = [post.pk for post in models]
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("DROP TABLE IF EXISTS m")
        cursor.execute(_MAP.format(slot=slot.format(total=count)), [count, ids, len(ids)])
        cursor.execute("CREATE INDEX ON m (was)")
        for model, other, join in _COPIES:
            cursor.execute(copy(model, other, f"FROM m JOIN {model._meta.db_table} o ON {join}"))
        cursor.execute("SET session_replication_role = origin")
        for table in ("posts_post", "posts_lineage", "posts_revision"):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))"
            )
        cursor.execute("SELECT min(post), max(post) FROM m")
        first, last = cursor.fetchone()
    return first, last


_TEXT = "jsonb_set(o.content, '{text}', to_jsonb((o.content->>'text') || ' N° ' || m.n))"
_COPIES: Sequence[tuple[type[Model], Mapping[str, str], str]] = (
    (Lineage, {"id": "m.lineage"}, "o.id = (SELECT lineage_id FROM posts_post WHERE id = m.was)"),
    (
        Post,
        {
            "id": "m.post",
            "lineage_id": "m.lineage",
            "revision_id": "m.revision",
            "slot": "m.slot",
            **_shifted("created_at", "submitted_at", "window_from", "window_until"),
        },
        "o.id = m.was",
    ),
    (
        Revision,
        {
            "id": "m.revision",
            "post_id": "m.post",
            "content": _TEXT,
            **_shifted("created_at", "sealed_at"),
        },
        "o.id = m.was_revision",
    ),
    (
        Delivery,
        {
            "post_id": "m.post",
            "key": "md5(m.post || '-' || o.channel_id)",
            **_shifted("due_at", "next_at", "expires_at", "delivered_at"),
        },
        "o.post_id = m.was",
    ),
    (Contribution, {"post_id": "m.post", "lineage_id": "m.lineage"}, "o.post_id = m.was"),
    (FacetMark, {"post_id": "m.post"}, "o.post_id = m.was"),
    (Request, {"post_id": "m.post", **_shifted("asked_at", "remind_at")}, "o.post_id = m.was"),
    (Decision, {"post_id": "m.post", "revision_id": "m.revision", **_shifted("at")}, "o.post_id = m.was"),
    (Entry, {"post_id": "m.post", "subject": "'post:' || m.post", **_shifted("at")}, "o.post_id = m.was"),
    (Notice, {"post_id": "m.post", **_shifted("created_at")}, "o.post_id = m.was"),
)
# What hangs on the copied deliveries.
_ATTEMPTS = """
FROM m JOIN posts_delivery d ON d.post_id = m.post
JOIN posts_delivery w ON w.post_id = m.was AND w.channel_id = d.channel_id
JOIN publishing_attempt o ON o.delivery_id = w.id
"""


def copy_attempts() -> None:
    other = {"delivery_id": "d.id", "key": "d.key", **_shifted("started_at", "ended_at")}
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(copy(Attempt, other, _ATTEMPTS))
        cursor.execute("SET session_replication_role = origin")


def session_of(user: User) -> str:
    """A session as signing in makes it."""
    client = Client()
    client.force_login(user)
    return str(client.cookies[settings.SESSION_COOKIE_NAME].value)


def seed(waiting: int, out: int) -> dict[str, Any]:
    home = stage()
    review, others, sent = in_review(home), beside(home), published(home)
    published_ids = copy_posts(sent, out, _BACK)
    copy_attempts()
    copy_posts(others, waiting * BESIDE // 100, _AHEAD)
    open_ids = copy_posts(review, waiting, _AHEAD)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    routine = Post.objects.filter(
        pk__range=open_ids, kind="routine", state=PostState.IN_REVIEW.value
    ).order_by("pk")
    return {
        "session": session_of(home.nadia),
        "routine": list(routine.values_list("pk", flat=True)[:2000]),
        "published": list(published_ids),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.desk_seeding", description=__doc__)
    parser.add_argument("--open", type=int, required=True)
    parser.add_argument("--published", type=int, required=True)
    chosen = parser.parse_args()
    sys.stdout.write(f"{json.dumps(seed(chosen.open, chosen.published))}\n")
