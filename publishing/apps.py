from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PublishingConfig(AppConfig):
    name = "publishing"
    verbose_name = _("Publishing")

    def ready(self) -> None:
        # Models are there from now on. A permit is for one delivery and these bytes, and is spent once.
        from journal.triggers import guard
        from publishing.models import Permit

        guard(
            Permit,
            frozen=["delivery_id", "channel_id", "digest", "payload_sha256", "token", "gate_decision_id"],
            once=["spent_at"],
            same=["(delivery_id = NEW.delivery_id AND token = NEW.token)"],
        )
