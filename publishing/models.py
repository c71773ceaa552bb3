"""What the release engine remembers: attempts, permits, secrets, health, and who is alive."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User
from approvals.models import GateDecision, Incident
from posts.models import Channel, Delivery


class Permit(models.Model):
    """Leave to send one delivery's bytes on one channel: single use, short-lived. Spent by a guarded
    UPDATE in the commit of `SENDING`."""

    # No constraints in the database, for the reason given at GateDecision; the attempt has one.
    delivery = models.ForeignKey(
        Delivery, models.PROTECT, related_name="permits", db_constraint=False, db_index=False
    )
    channel = models.ForeignKey(
        Channel, models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    digest = models.CharField(max_length=64)
    payload_sha256 = models.CharField(max_length=64)
    token = models.BigIntegerField()
    # What the verdict was read at: the commit of SENDING compares, any difference gives the delivery back.
    post_version = models.BigIntegerField()
    standing = models.BigIntegerField()
    gate_decision = models.ForeignKey(GateDecision, models.PROTECT, related_name="+", db_constraint=False)
    minted_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    spent_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("permit")
        verbose_name_plural = _("permits")
        constraints = [models.UniqueConstraint(fields=["delivery", "token"], name="permit_once_a_claim")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class Outcome(models.TextChoices):
    SENDING = "SENDING", _("being sent")
    DELIVERED = "DELIVERED", _("accepted")
    RATE_LIMITED = "RATE_LIMITED", _("asked to wait")
    NOT_SENT = "NOT_SENT", _("not sent")
    UNAVAILABLE = "UNAVAILABLE", _("network unavailable")
    REJECTED = "REJECTED", _("refused by the network")
    AUTH_FAILED = "AUTH_FAILED", _("authorisation lost")
    UNKNOWN = "UNKNOWN", _("unknown")
    BY_HAND = "BY_HAND", _("handed to a person")


class Attempt(models.Model):
    """One try of a delivery, committed before the first byte leaves. `answer` has no secrets."""

    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="tries", db_index=False)
    permit = models.OneToOneField(
        Permit, models.PROTECT, null=True, related_name="attempt", db_constraint=False
    )
    token = models.BigIntegerField()
    key = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, default=Outcome.SENDING)
    remote_id = models.CharField(max_length=255, blank=True)
    url = models.CharField(max_length=1000, blank=True)
    answer = models.CharField(max_length=500, blank=True)
    worker = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        indexes = [
            models.Index(fields=["ended_at"], name="attempt_by_end", condition=Q(ended_at__isnull=False))
        ]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "token"], name="attempt_once_a_claim"),
            models.CheckConstraint(
                condition=Q(outcome=Outcome.SENDING) | Q(ended_at__isnull=False),
                name="attempt_outcome_is_dated",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.delivery_id} #{self.token}"


class ChannelSecret(models.Model):
    """A channel's credential, encrypted with the first of `ENCRYPTION_KEYS`."""

    channel = models.OneToOneField(Channel, models.PROTECT, related_name="secret", primary_key=True)
    ciphertext = models.TextField()
    changed_at = models.DateTimeField(default=timezone.now)
    # Where credentials run out (`publishing/renewing.py`): until when they are good, when to renew them (never:
    # a person must reconnect), and until when somebody is at it.
    expires_at = models.DateTimeField(null=True)
    renew_at = models.DateTimeField(null=True)
    renewing_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("channel secret")
        verbose_name_plural = _("channel secrets")

    def __str__(self) -> str:
        return "…"


class NetworkApp(models.Model):
    """What a network's server knows this installation by, where we made ourselves known to it (a Mastodon server
    each). Shared by all brands; `ciphertext` is its id and secret as JSON, encrypted. An app is good for one
    address to come back to and one list of scopes: others make it anew."""

    network = models.CharField(max_length=32)
    server = models.CharField(max_length=200)
    redirect_uri = models.CharField(max_length=500)
    scopes = models.CharField(max_length=300)
    ciphertext = models.TextField()
    registered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("registration with a network")
        verbose_name_plural = _("registrations with networks")
        constraints = [models.UniqueConstraint(fields=["network", "server"], name="network_app_once")]

    def __str__(self) -> str:
        return f"{self.network} {self.server}"


class SignIn(models.Model):
    """An owner is on the way to a network's sign-in, or back from it and choosing among several accounts: for
    ten minutes. Bound to the person, to their browser's session (`browser`) and to what was sent along
    (`state`), of which only the SHA-256 stands here. `ciphertext` is JSON, encrypted: what must be shown to
    get a token, and afterwards the accounts with theirs."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    brand = models.ForeignKey(Brand, models.CASCADE, related_name="+")
    # Which channel is reconnected; none where one is added, whose name waits here.
    channel = models.ForeignKey(Channel, models.CASCADE, null=True, related_name="+")
    name = models.CharField(max_length=120, blank=True)
    network = models.CharField(max_length=32)
    server = models.CharField(max_length=200)
    redirect_uri = models.CharField(max_length=500)
    browser = models.CharField(max_length=64)
    state = models.CharField(max_length=64, unique=True)
    ciphertext = models.TextField()
    expires_at = models.DateTimeField()
    came_back_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("sign-in under way")
        verbose_name_plural = _("sign-ins under way")

    def __str__(self) -> str:
        return f"{self.network} {self.expires_at:%H:%M}"


class ChannelHealth(models.Model):
    """What the last check, and the last sends, said of a channel."""

    channel = models.OneToOneField(Channel, models.PROTECT, related_name="health", primary_key=True)
    ok = models.BooleanField(default=True)
    problem = models.CharField(max_length=500, blank=True)
    checked_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    # The end that the owners were told of, once.
    warned_of = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)
    # Until then nothing is sent there: a rate limit the network told us of, or our own budget spent.
    wait_until = models.DateTimeField(null=True)
    # The rate budget, shared by all workers: a bucket that fills at the network's rate.
    budget = models.FloatField(null=True)
    budget_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("health of a channel")
        verbose_name_plural = _("health of channels")

    def __str__(self) -> str:
        return "✓" if self.ok else self.problem


class Pulse(models.Model):
    """The last sign of life of a ticker or a worker, in the database, so that it outlives Redis."""

    kind = models.CharField(max_length=16)
    name = models.CharField(max_length=120)
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("sign of life")
        verbose_name_plural = _("signs of life")
        constraints = [models.UniqueConstraint(fields=["kind", "name"], name="pulse_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Retraction(models.Model):
    """What is out is to be taken back: one delivery, paced by the network's limit on deletes."""

    delivery = models.OneToOneField(Delivery, models.PROTECT, related_name="retraction")
    asked_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    incident = models.ForeignKey(Incident, models.PROTECT, null=True, related_name="retractions")
    asked_at = models.DateTimeField()
    next_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    # Why it could not be deleted, for people; it is then listed with its link.
    problem = models.CharField(max_length=500, blank=True)

    class Meta:
        verbose_name = _("retraction")
        verbose_name_plural = _("retractions")
        indexes = [
            models.Index(
                fields=["next_at"],
                name="retraction_to_do",
                condition=Q(done_at__isnull=True, next_at__isnull=False),
            )
        ]

    def __str__(self) -> str:
        return f"↶ {self.delivery_id}"


class BulkRetraction(models.Model):
    """Taking back everything of an incident's scope: it takes two people, one of them crisis 2."""

    incident = models.OneToOneField(Incident, models.PROTECT, related_name="bulk_retraction")
    proposed_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("bulk retraction")
        verbose_name_plural = _("bulk retractions")

    def __str__(self) -> str:
        return f"↶ {self.incident_id}"
