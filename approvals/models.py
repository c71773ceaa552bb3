"""Expertise, policy, decisions and incidents: what the gate reads.

Rows here are history. A credential that ends keeps its row; a decision is never changed; what
answers it (a withdrawal, an override) is another row.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.models import Brand, User
from posts.models import Post, Revision


class Level(models.IntegerChoices):
    NOVICE = 0, _("novice")
    SUPERVISED = 1, _("supervised")
    ENTRUSTED = 2, _("entrusted")
    MENTOR = 3, _("mentor")


class CredentialState(models.TextChoices):
    PROPOSED = "PROPOSED", _("proposed")
    ACTIVE = "ACTIVE", pgettext_lazy("credential", "active")
    LAPSED = "LAPSED", pgettext_lazy("credential", "lapsed")
    SUSPENDED = "SUSPENDED", pgettext_lazy("credential", "suspended")
    REVOKED = "REVOKED", pgettext_lazy("credential", "revoked")


class Credential(models.Model):
    """A person's level in a domain of a brand.

    It counts from `confirmed_at` (or `valid_from`, if later) until the earliest of `valid_until` and
    `ended_at`; the latter is set by a lapse, a suspension or a revocation, which may lie in the past.
    Standing regained is a new row, so that the past keeps reading as it was.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="credentials")
    user = models.ForeignKey(User, models.PROTECT, related_name="credentials")
    domain = models.CharField(_("domain"), max_length=80)
    level = models.PositiveSmallIntegerField(_("level"), choices=Level.choices)
    state = models.CharField(
        _("state"), max_length=10, choices=CredentialState.choices, default=CredentialState.PROPOSED
    )
    valid_from = models.DateTimeField(_("valid from"), default=timezone.now)
    valid_until = models.DateTimeField(_("valid until"), null=True, blank=True)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    end_cause = models.CharField(_("why it ended"), max_length=300, blank=True)
    first_grantor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    second_grantor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    evidence = models.JSONField(_("evidence"), default=list)
    founding = models.BooleanField(_("founding grant"), default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        indexes = [models.Index(fields=["brand", "state", "domain"], name="credential_by_domain")]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=CredentialState.values), name="credential_state_is_known"
            ),
            models.CheckConstraint(condition=Q(level__lte=3), name="credential_level_is_known"),
            models.CheckConstraint(
                condition=Q(state=CredentialState.PROPOSED)
                | Q(confirmed_at__isnull=False, first_grantor__isnull=False)
                # The one case without a grantor: an owner who is alone founds the brand.
                | Q(confirmed_at__isnull=False, founding=True),
                name="credential_was_granted",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[CredentialState.PROPOSED, CredentialState.ACTIVE])
                | Q(ended_at__isnull=False),
                name="credential_end_is_dated",
            ),
            models.CheckConstraint(
                condition=Q(first_grantor__isnull=True) | ~Q(first_grantor=F("user")),
                name="credential_not_granted_to_oneself",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.domain} {self.level}"


class PolicyState(models.TextChoices):
    PROPOSED = "PROPOSED", _("proposed")
    ACTIVE = "ACTIVE", _("in force")
    SUPERSEDED = "SUPERSEDED", _("superseded")
    DROPPED = "DROPPED", _("dropped")


class Policy(models.Model):
    """One version of a brand's rules. `rules` is validated by `approvals/policy.py`."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="policies")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=PolicyState.choices, default=PolicyState.PROPOSED)
    rules = models.JSONField()
    proposed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)
    confirmed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        constraints = [
            models.UniqueConstraint(fields=["brand", "number"], name="policy_number_once"),
            models.UniqueConstraint(
                fields=["brand"], condition=Q(state=PolicyState.ACTIVE), name="one_policy_in_force"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand} v{self.number}"


class Verdict(models.TextChoices):
    APPROVE = "approve", _("approve")
    REQUEST_CHANGES = "request_changes", _("request changes")
    REJECT = "reject", _("reject")
    WITHDRAW = "withdraw", _("withdraw one's decision")


class Motive(models.TextChoices):
    """The trade's list of reasons."""

    TONE = "tone", _("tone")
    FACTS = "facts", _("facts")
    BRAND = "brand", _("brand")
    LEGAL = "legal", _("legal")
    TIMING = "timing", _("timing")
    CHANNEL_FIT = "channel_fit", _("channel fit")
    LANGUAGE = "language", _("language")


class Decision(models.Model):
    """A person's word on exact bytes. Append-only.

    `rests_on` is what the person held when deciding: a list of [domain, level] among what the post
    required. `binding` says that an objection came from somebody who covered a requirement then: a veto
    is judged when cast, and revoking its caster leaves it standing.
    """

    post = models.ForeignKey(Post, models.PROTECT, related_name="decisions")
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="+")
    user = models.ForeignKey(User, models.PROTECT, related_name="decisions")
    decision = models.CharField(max_length=16, choices=Verdict.choices)
    digest = models.CharField(max_length=64)
    epoch = models.BigIntegerField()
    facets = models.JSONField(default=dict)
    rests_on = models.JSONField(default=list)
    binding = models.BooleanField(default=False)
    comment = models.TextField(blank=True)
    motive = models.CharField(max_length=16, choices=Motive.choices, blank=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        indexes = [models.Index(fields=["post", "id"], name="decision_of_post")]
        constraints = [
            models.CheckConstraint(condition=Q(decision__in=Verdict.values), name="decision_is_known"),
            models.CheckConstraint(
                condition=Q(decision__in=[Verdict.APPROVE, Verdict.WITHDRAW]) | ~Q(comment=""),
                name="decision_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.decision} {self.post_id}"


class Override(models.Model):
    """A qualified non-contributor lifts a veto in one domain, with a reason."""

    decision = models.ForeignKey(Decision, models.PROTECT, related_name="overrides")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    domain = models.CharField(max_length=80)
    reason = models.TextField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["decision", "user", "domain"], name="override_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="override_says_why"),
        ]

    def __str__(self) -> str:
        return f"{self.user} ↛ {self.decision_id}"


class Epoch(models.Model):
    """A declaring or lifting, after which earlier approvals in its scope are stale. Numbers rise within
    a brand; a post's epoch is the highest whose scope touches it."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    number = models.BigIntegerField()
    scope = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["brand", "number"], name="epoch_number_once")]

    def __str__(self) -> str:
        return f"{self.brand_id}/{self.number}"


class Incident(models.Model):
    """A declared crisis. `scope`: {"brand": true} or {"channels": [key], "products": [key]}."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="incidents")
    scope = models.JSONField()
    reason = models.TextField()
    declared_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        indexes = [models.Index(fields=["brand"], name="incident_open", condition=Q(lifted_at__isnull=True))]

    def __str__(self) -> str:
        return self.reason[:60]


class Lifting(models.Model):
    """One person's word that an incident may be lifted; it takes two."""

    incident = models.ForeignKey(Incident, models.PROTECT, related_name="liftings")
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["incident", "user"], name="lifting_once")]

    def __str__(self) -> str:
        return f"{self.user} ⇡ {self.incident_id}"


class Pause(models.Model):
    """A scope stopped without being an incident: one click, by any member."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="pauses")
    scope = models.JSONField()
    reason = models.TextField(blank=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    became = models.ForeignKey(Incident, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("pause")
        verbose_name_plural = _("pauses")
        indexes = [models.Index(fields=["brand"], name="pause_open", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return self.reason[:60] or f"#{self.pk}"


class Request(models.Model):
    """Somebody was asked to decide on a post: who, when, and whether they were reminded."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="requests")
    user = models.ForeignKey(User, models.PROTECT, related_name="requests")
    digest = models.CharField(max_length=64)
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "user", "digest"], name="request_once")]

    def __str__(self) -> str:
        return f"{self.post_id} ? {self.user}"


class GateDecision(models.Model):
    """The stored inputs and outcome of an evaluation at release: it replays to the same answer."""

    # Written with every release, and the rows they name are never deleted: without a constraint the
    # database need not look each of them up again (docs/decisions/throughput.md).
    post = models.ForeignKey(Post, models.PROTECT, related_name="gate_decisions", db_constraint=False)
    at = models.DateTimeField()
    allowed = models.BooleanField()
    policy = models.ForeignKey(Policy, models.PROTECT, null=True, related_name="+", db_constraint=False)
    facts = models.JSONField()
    reasons = models.JSONField(default=list)

    class Meta:
        verbose_name = _("gate decision")
        verbose_name_plural = _("gate decisions")
        indexes = [models.Index(fields=["post", "-id"], name="gate_decision_of_post")]

    def __str__(self) -> str:
        return f"{self.post_id} {'✓' if self.allowed else '✗'}"
