"""The tables of the product, made from its models: `python -m tests.faults.tables`, in a second.

The migrations take seven, and make the same (`make lint`); `manage.py up` runs them in tests/test_up.py.
"""

from __future__ import annotations

import os

import django
from django.apps import apps
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "cm_queue.settings"
    django.setup()
    settings.MIGRATION_MODULES = {application.label: None for application in apps.get_app_configs()}
    call_command("migrate", run_syncdb=True, verbosity=0)


if __name__ == "__main__":
    main()
