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
    # A proposal that came to nothing, and a row that another one follows (a higher level, a renewal).
    DECLINED = "DECLINED", pgettext_lazy("credential", "declined")
    REPLACED = "REPLACED", pgettext_lazy("credential", "replaced")


class Credential(models.Model):
    """A person's level in a domain of a brand.

    It counts from `confirmed_at` (or `valid_from`, if later) until the earliest of `valid_until` and
    `ended_at`; the latter is set by a lapse, a suspension or a revocation, which may lie in the past.
    Standing regained is a new row that `follows` the one before, so that the past keeps reading as it was.

    `evidence` is a list of {"text", "by", "at"} and, for work elsewhere, {"posts": n}. `look_at` is when
    the ticker next looks whether it lapses or runs out; `warned_for` is the end of which it has warned.
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
    proposed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", editable=False)
    # When the first grantor vouched: what makes a later grant the other way round reciprocal.
    first_at = models.DateTimeField(null=True, editable=False)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", editable=False)
    follows = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", editable=False, verbose_name=_("follows")
    )
    look_at = models.DateTimeField(null=True, default=timezone.now, editable=False)
    warned_for = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("credential")
        verbose_name_plural = _("credentials")
        indexes = [
            models.Index(fields=["brand", "state", "domain"], name="credential_by_domain"),
            models.Index(
                fields=["look_at"],
                name="credential_to_look_at",
                condition=Q(state=CredentialState.ACTIVE),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=CredentialState.values), name="credential_state_is_known"
            ),
            models.CheckConstraint(condition=Q(level__lte=3), name="credential_level_is_known"),
            models.CheckConstraint(
                condition=Q(state__in=[CredentialState.PROPOSED, CredentialState.DECLINED])
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
            models.CheckConstraint(
                condition=Q(second_grantor__isnull=True)
                | (
                    Q(first_grantor__isnull=False)
                    & ~Q(second_grantor=F("user"))
                    & ~Q(second_grantor=F("first_grantor"))
                ),
                name="credential_grantors_differ",
            ),
            models.CheckConstraint(
                condition=Q(proposed_by__isnull=True) | ~Q(proposed_by=F("user")),
                name="credential_not_proposed_for_oneself",
            ),
            models.UniqueConstraint(
                fields=["brand", "user", "domain"],
                condition=Q(state=CredentialState.PROPOSED),
                name="one_proposal_a_domain",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.domain} {self.level}"


class SecondLook(models.Model):
    """What is already out and rested on expertise that was revoked: somebody qualified looks at it again."""

    credential = models.ForeignKey(
        Credential, models.PROTECT, related_name="second_looks", verbose_name=_("credential")
    )
    post = models.ForeignKey(Post, models.PROTECT, related_name="second_looks", verbose_name=_("post"))
    asked_at = models.DateTimeField(_("asked"), default=timezone.now)
    looked_at = models.DateTimeField(_("looked at"), null=True)
    looked_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("looked at by")
    )
    word = models.CharField(_("what was said"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("second look")
        verbose_name_plural = _("second looks")
        constraints = [
            models.UniqueConstraint(fields=["credential", "post"], name="second_look_once"),
            models.CheckConstraint(
                condition=Q(looked_at__isnull=True) | (Q(looked_by__isnull=False) & ~Q(word="")),
                name="second_look_says_who_and_what",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post_id} ⟲ {self.credential_id}"


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
    dropped_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("policy")
        verbose_name_plural = _("policies")
        constraints = [
            models.UniqueConstraint(fields=["brand", "number"], name="policy_number_once"),
            models.UniqueConstraint(
                fields=["brand"], condition=Q(state=PolicyState.ACTIVE), name="one_policy_in_force"
            ),
            models.CheckConstraint(condition=Q(state__in=PolicyState.values), name="policy_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state__in=[PolicyState.ACTIVE, PolicyState.SUPERSEDED])
                | Q(confirmed_at__isnull=False),
                name="policy_in_force_was_adopted",
            ),
            models.CheckConstraint(
                condition=~Q(state=PolicyState.DROPPED)
                | Q(dropped_at__isnull=False, dropped_by__isnull=False),
                name="policy_drop_is_dated",
            ),
            # Two accounts of one person are told apart by the verb; this is what the database can say.
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True)
                | Q(proposed_by__isnull=True)
                | ~Q(confirmed_by=F("proposed_by")),
                name="policy_confirmed_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand} v{self.number}"


class Acknowledgement(models.Model):
    """An owner has seen that posts of a kind cannot go out under a policy: for want of what (`lacking`,
    a list of domains; "people" for too few of them). It speaks of these and no others. Append-only."""

    policy = models.ForeignKey(Policy, models.PROTECT, related_name="acknowledgements")
    kind = models.CharField(max_length=20)
    lacking = models.JSONField(default=list)
    user = models.ForeignKey(User, models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("acknowledgement")
        verbose_name_plural = _("acknowledgements")

    def __str__(self) -> str:
        return f"{self.policy_id} {self.kind}"


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
        indexes = [
            models.Index(fields=["post", "id"], name="decision_of_post"),
            models.Index(fields=["user", "-id"], name="decision_of_person"),
            # What was decided in some weeks: the insights.
            models.Index(fields=["at"], name="decision_by_time"),
        ]
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
        verbose_name = _("veto lifted")
        verbose_name_plural = _("vetoes lifted")
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
        verbose_name = _("epoch")
        verbose_name_plural = _("epochs")
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
        verbose_name = _("agreement to lift")
        verbose_name_plural = _("agreements to lift")
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


class Stopped(models.Model):
    """A pause or an incident stopped this post: what is gone through, one by one, when it is over. What
    is still to do stands in the post itself, which is held for that reason."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="stops")
    incident = models.ForeignKey(Incident, models.PROTECT, null=True, related_name="stopped")
    pause = models.ForeignKey(Pause, models.PROTECT, null=True, related_name="stopped")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("stopped post")
        verbose_name_plural = _("stopped posts")
        constraints = [
            models.UniqueConstraint(fields=["post", "incident"], name="stopped_once_an_incident"),
            models.UniqueConstraint(fields=["post", "pause"], name="stopped_once_a_pause"),
            models.CheckConstraint(
                condition=Q(incident__isnull=False, pause__isnull=True)
                | Q(incident__isnull=True, pause__isnull=False),
                name="stopped_by_one_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post_id} ✋ {self.incident_id or self.pause_id}"


class Request(models.Model):
    """Somebody was asked to decide on a post: who, when, and how often they were reminded.

    `remind_at` is when to remind them next, empty when they are not to be reminded any more;
    `passed_on_at` when somebody else was asked in their stead.
    """

    post = models.ForeignKey(Post, models.PROTECT, related_name="requests")
    user = models.ForeignKey(User, models.PROTECT, related_name="requests", db_index=False)
    digest = models.CharField(max_length=64)
    asked_at = models.DateTimeField(default=timezone.now)
    reminded = models.PositiveSmallIntegerField(default=0)
    remind_at = models.DateTimeField(null=True)
    passed_on_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("request to review")
        verbose_name_plural = _("requests to review")
        indexes = [
            models.Index(
                fields=["remind_at"], name="request_to_remind", condition=Q(remind_at__isnull=False)
            ),
            # By its beginning it is also the index of the foreign key.
            models.Index(fields=["user", "-asked_at"], name="request_of_user_latest"),
        ]
        constraints = [models.UniqueConstraint(fields=["post", "user", "digest"], name="request_once")]

    def __str__(self) -> str:
        return f"{self.post_id} ? {self.user}"


class GateDecision(models.Model):
    """The stored inputs and outcome of an evaluation at release: it replays to the same answer."""

    # Written with every release, and the rows they name are never deleted: without a constraint the
    # database need not look each of them up again (docs/decisions/throughput.md).
    post = models.ForeignKey(
        Post, models.PROTECT, related_name="gate_decisions", db_constraint=False, db_index=False
    )
    at = models.DateTimeField()
    allowed = models.BooleanField()
    policy = models.ForeignKey(
        Policy, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False
    )
    facts = models.JSONField()
    reasons = models.JSONField(default=list)

    class Meta:
        verbose_name = _("gate decision")
        verbose_name_plural = _("gate decisions")
        indexes = [models.Index(fields=["post", "-id"], name="gate_decision_of_post")]

    def __str__(self) -> str:
        return f"{self.post_id} {'✓' if self.allowed else '✗'}"
