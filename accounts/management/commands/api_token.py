"""`manage.py api_token EMAIL --brand SLUG [--scopes read,draft,…]`: prints the token alone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand, Scope, User
from accounts.refusals import Refused
from accounts.tokens import make_token


class Command(BaseCommand):
    help = "Makes an API token for a person and a brand and prints it, once, alone on standard output."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--brand", required=True)
        parser.add_argument("--scopes", default="", help=f"comma-separated, among {', '.join(Scope.values)}")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(email=options["email"].strip().lower()).first()
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if user is None or brand is None:
            raise CommandError(f"There is no {'account' if user is None else 'brand'} of that name.")
        # `manage.py up` leaves this sign in the data folder of a demonstration (cm_queue/starting.py).
        demo = settings.DEMO or (settings.DATA_DIR / "demonstration").exists()
        usual = [scope for scope in Scope.values if demo or scope != Scope.DECIDE]
        scopes = [part.strip() for part in options["scopes"].split(",") if part.strip()] or usual
        try:
            self.stdout.write(make_token(user, brand, scopes, label="manage.py", present=demo))
        except Refused as refusal:
            raise CommandError(refusal.sentence) from refusal
