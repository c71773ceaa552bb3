"""`manage.py seed_demo`: the demonstration brand and its cast. Twice is as once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from cm_queue.seeding import CAST, seed_demo


class Command(BaseCommand):
    help = "Makes the demonstration brand, its cast, its channels and a few posts. Idempotent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--without-posts", action="store_true", help="people, expertise and channels only"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        url, token = settings.DEMO_MASTODON_URL, settings.DEMO_MASTODON_TOKEN
        mastodon = {"base_url": url, "token": token} if url and token else None
        brand = seed_demo(mastodon, posts=not options["without_posts"])
        self.stdout.write(f"{brand.name} ({brand.slug}): {', '.join(player.email for player in CAST)}")
