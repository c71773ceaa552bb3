from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

_SAME_PROPOSAL = (
    "(state = 'PROPOSED' AND NEW.state = 'PROPOSED' AND brand_id = NEW.brand_id"
    " AND user_id = NEW.user_id AND domain = NEW.domain)"
)


class ApprovalsConfig(AppConfig):
    name = "approvals"
    verbose_name = _("Expertise and decisions")

    def ready(self) -> None:
        # Models are there from now on. What was decided is history, in the database too.
        from approvals import models as history
        from journal.triggers import guard

        guard(history.Decision)
        guard(
            history.Override,
            same=["(decision_id = NEW.decision_id AND user_id = NEW.user_id AND domain = NEW.domain)"],
        )
        guard(history.Epoch, same=["(brand_id = NEW.brand_id AND number = NEW.number)"])
        guard(history.Lifting, same=["(incident_id = NEW.incident_id AND user_id = NEW.user_id)"])
        guard(history.GateDecision)
        # Who was granted what does not change: standing regained, or a higher level, is another row.
        guard(
            history.Credential,
            frozen=["brand_id", "user_id", "domain", "level", "proposed_by_id"],
            same=[_SAME_PROPOSAL],
        )
        guard(history.Acknowledgement)
        # Its state moves on; what it says, and who proposed it, does not.
        guard(
            history.Policy,
            frozen=["brand_id", "number", "rules", "reason", "proposed_by_id", "proposed_at"],
            once=["confirmed_by_id", "confirmed_at", "dropped_by_id", "dropped_at"],
            same=["(brand_id = NEW.brand_id AND number = NEW.number)"],
        )
