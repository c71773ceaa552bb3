"""`manage.py add_channel BRAND NAME --adapter A --setting K=V … --secret-from-env VAR`."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.models import Brand
from accounts.refusals import Refused
from journal.recording import OPERATOR
from publishing.connecting import add_channel
from publishing.models import ChannelHealth


class Command(BaseCommand):
    help = "Connects a brand to an account on a network. The secret is read from a variable, never from an argument."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("brand", help="the brand's short name")
        parser.add_argument("name", help="the channel's name")
        parser.add_argument("--adapter", required=True)
        parser.add_argument("--setting", action="append", default=[], metavar="K=V")
        parser.add_argument("--secret-from-env", default="", metavar="VAR")

    def handle(self, *args: Any, **options: Any) -> None:
        brand = Brand.objects.filter(slug=options["brand"]).first()
        if brand is None:
            raise CommandError(f"There is no brand {options['brand']}.")
        settings = {}
        for pair in options["setting"]:
            name, sep, value = pair.partition("=")
            if not sep:
                raise CommandError(f"--setting {pair}: write it as name=value.")
            settings[name] = value
        variable = options["secret_from_env"]
        if variable and variable not in os.environ:
            raise CommandError(f"The variable {variable} is not set.")
        secret = os.environ[variable] if variable else ""
        try:
            channel = add_channel(OPERATOR, brand, options["name"], options["adapter"], settings, secret)
        except Refused as refusal:
            raise CommandError(refusal.sentence) from refusal
        health = ChannelHealth.objects.get(channel=channel)
        state = "it answers" if health.ok else f"it does not answer yet: {health.problem}"
        self.stdout.write(f"{brand.slug}/{channel.key} ({channel.network}): {state}")
