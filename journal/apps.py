from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class JournalConfig(AppConfig):
    name = "journal"
    verbose_name = _("Journal")

    def ready(self) -> None:
        # The one signal of the house, and not for business: Django offers no other moment "after
        # the tables were rebuilt" (facts: a migration on SQLite drops a table's triggers).
        from journal.triggers import install_after_migrate

        post_migrate.connect(install_after_migrate, sender=self)
