"""Posts, their immutable revisions, their deliveries; channels and media.

State columns are written by `posts/moves.py` alone.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User, slug_of_a_brand
from posts.lifecycle import DeliveryState, PostState


class Kind(models.TextChoices):
    ROUTINE = "routine", _("routine post")
    LAUNCH = "launch", _("launch or sale")
    REPLY = "reply", _("reply")
    SENSITIVE_REPLY = "sensitive_reply", _("reply to criticism")
    CRISIS = "crisis", _("crisis statement")


class Product(models.Model):
    """What the brand sells; `product:<key>` is a domain of expertise."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="products")
    key = models.CharField(_("key"), max_length=60, validators=[slug_of_a_brand])
    name = models.CharField(_("name"), max_length=120)

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [models.UniqueConstraint(fields=["brand", "key"], name="product_once")]

    def __str__(self) -> str:
        return self.name


class Channel(models.Model):
    """A brand's account on a network. Its secret and health live in `publishing/`.

    `settings` are public (a base URL); `limits` is the snapshot of what the network allows, with which
    drafts are validated and rendered; `account` is the network's identity for it.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="channels")
    key = models.CharField(_("short name"), max_length=60, validators=[slug_of_a_brand])
    name = models.CharField(_("name"), max_length=120)
    network = models.CharField(_("network"), max_length=30)
    settings = models.JSONField(default=dict, blank=True)
    limits = models.JSONField(default=dict, blank=True)
    account = models.CharField(_("account"), max_length=255, blank=True)
    handle = models.CharField(_("handle"), max_length=255, blank=True)
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True, editable=False)
    pause_reason = models.CharField(_("why paused"), max_length=300, blank=True, editable=False)
    is_active = models.BooleanField(_("connected"), default=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        constraints = [
            models.UniqueConstraint(fields=["brand", "key"], name="channel_key_once"),
            models.UniqueConstraint(
                fields=["network", "account"],
                condition=~Q(account="") & Q(is_active=True),
                name="remote_account_belongs_to_one_brand",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def domain(self) -> str:
        return f"channel:{self.network}"


class Media(models.Model):
    """One file as the public receives it: decoded, turned upright, stripped of EXIF and re-encoded.
    `sha256` is of these bytes; `original_sha256` of what was uploaded."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="media")
    uploaded_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    file = models.FileField(upload_to="media/")
    name = models.CharField(max_length=200)
    mime = models.CharField(max_length=60)
    sha256 = models.CharField(max_length=64, db_index=True)
    original_sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("media")
        verbose_name_plural = _("media")
        constraints = [models.UniqueConstraint(fields=["brand", "sha256"], name="media_bytes_once_a_brand")]

    def __str__(self) -> str:
        return self.name


class Lineage(models.Model):
    """A post with its clones and splits: whoever wrote in one wrote in all, and a veto on one holds all."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"#{self.pk}"


class Post(models.Model):
    """What a brand wants to say, when, where. `version` rises with everything the gate looks at, so
    that a release can tell whether anything moved since its claim; moves of the release engine itself
    leave it alone."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="posts")
    lineage = models.ForeignKey(Lineage, models.PROTECT, related_name="posts")
    author = models.ForeignKey(User, models.PROTECT, related_name="posts")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.ROUTINE)
    products = models.JSONField(_("products"), default=list)
    topics = models.JSONField(_("topics"), default=list)
    state = models.CharField(
        _("state"),
        max_length=20,
        choices=[(s.value, s.value) for s in PostState],
        default=PostState.DRAFT.value,
    )
    version = models.BigIntegerField(default=1)
    revision = models.ForeignKey("Revision", models.PROTECT, null=True, related_name="+")
    slot = models.DateTimeField(_("slot"), null=True)
    on_approval = models.BooleanField(_("on approval"), default=False)
    window_from = models.DateTimeField(null=True)
    window_until = models.DateTimeField(null=True)
    late_minutes = models.PositiveIntegerField(default=60)
    # Goes out after that one, channel by channel, and not without it.
    after = models.ForeignKey("self", models.PROTECT, null=True, related_name="followers")
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True)
    # Why it is held or missed, as a list of {"code", ...}: worded by the pages.
    reasons = models.JSONField(default=list)
    # Made by a recurrence for that slot: at most once, however many tickers there are.
    recurrence = models.ForeignKey("Recurrence", models.PROTECT, null=True, related_name="posts")
    recurrence_slot = models.DateTimeField(null=True)
    # Held by a person: only a person lifts it. A hold by the gate or an incident leaves this empty.
    held_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    released_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    released_at = models.DateTimeField(null=True)
    released_digest = models.CharField(max_length=64, blank=True)
    released_epoch = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        indexes = [
            models.Index(fields=["brand", "state", "slot"], name="post_by_state_and_slot"),
            models.Index(
                fields=["slot"],
                name="post_waiting_for_its_slot",
                condition=Q(state=PostState.IN_REVIEW.value),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in PostState]), name="post_state_is_known"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="post_kind_is_known"),
            models.UniqueConstraint(fields=["recurrence", "recurrence_slot"], name="recurrence_once_a_slot"),
            models.CheckConstraint(
                condition=Q(window_from__isnull=True)
                | Q(window_until__isnull=True)
                | Q(window_until__gte=F("window_from")),
                name="post_window_is_ordered",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def lifecycle(self) -> PostState:
        return PostState(self.state)

    @property
    def deadline(self) -> datetime | None:
        """The last instant at which it may still go out: late by at most `late_minutes`, and inside
        its window. None while it has no instant yet."""
        bounds = [self.window_until] if self.window_until else []
        if self.slot:
            bounds.append(self.slot + timedelta(minutes=self.late_minutes))
        return min(bounds) if bounds else None


class Revision(models.Model):
    """One immutable state of a post's content.

    `content`: {"text", "variants": {channel key: text}, "options": {channel key: {…}}, "link",
    "reply_to", "thread": [text], "media": [{"id", "sha256", "alt", "mime", "width", "height", "size"}],
    "channels": [channel key]}. `payloads`: {channel key: payload} once sealed. `digest` is empty until then.
    """

    post = models.ForeignKey(Post, models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    content = models.JSONField()
    payloads = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True)
    sealed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["post", "number"], name="revision_number_once"),
            models.CheckConstraint(
                condition=Q(digest="") | Q(sealed_at__isnull=False), name="revision_digest_is_sealed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post_id}/{self.number}"


class Recurrence(models.Model):
    """Makes a draft of a post again and again. Each one passes the gate on its own: what is repeated is
    the writing, never an approval. `rule` is an RFC 5545 RRULE in the brand's local time."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="recurrences")
    source = models.ForeignKey(Post, models.PROTECT, related_name="recurrences")
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    rule = models.CharField(max_length=200)
    starts = models.DateTimeField()
    days_ahead = models.PositiveSmallIntegerField(default=7)
    last_slot = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["id"], name="recurrence_going", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return self.rule


class Contribution(models.Model):
    """Somebody wrote in a post. `light`: only a light correction, after which its maker may still
    approve under a preset that allows it. Never deleted."""

    lineage = models.ForeignKey(Lineage, models.PROTECT, related_name="contributions")
    post = models.ForeignKey(Post, models.PROTECT, related_name="contributions")
    user = models.ForeignKey(User, models.PROTECT, related_name="contributions")
    light = models.BooleanField(default=False)
    first_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["post", "user", "light"], name="contribution_once")]

    def __str__(self) -> str:
        return f"{self.user} → {self.post_id}"


class Comment(models.Model):
    """A remark on a post, perhaps anchored to a passage of a revision."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="comments")
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="+")
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="replies")
    text = models.TextField()
    quote = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.text[:60]


def new_key() -> str:
    return uuid.uuid4().hex


class Delivery(models.Model):
    """One post to one channel, a row from the first draft on.

    `next_at` is when to try next (the slot, or later after a rate limit); `due_at` is the slot, from
    which lateness is measured; `expires_at` the last instant at which it may go out. `token` is the
    fencing token: it rises with every claim, and only the holder of the newest may write an outcome.
    """

    post = models.ForeignKey(Post, models.PROTECT, related_name="deliveries")
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="deliveries")
    state = models.CharField(
        max_length=12,
        choices=[(s.value, s.value) for s in DeliveryState],
        default=DeliveryState.PENDING.value,
    )
    payload = models.JSONField(null=True)
    payload_sha256 = models.CharField(max_length=64, blank=True)
    sealed_digest = models.CharField(max_length=64, null=True)
    approved_digest = models.CharField(max_length=64, null=True)
    due_at = models.DateTimeField(null=True)
    next_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    # Never changes: with the digest it makes the idempotency key of every attempt.
    key = models.CharField(max_length=32, default=new_key, unique=True, editable=False)
    token = models.BigIntegerField(default=0)
    claimed_by = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    remote_id = models.CharField(max_length=255, blank=True)
    # The ids of every part of a thread, the first included: what a retraction deletes.
    parts = models.JSONField(default=list)
    url = models.CharField(max_length=1000, blank=True)
    problem = models.JSONField(default=dict)
    delivered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        indexes = [
            models.Index(
                fields=["next_at", "id"],
                name="delivery_due",
                condition=Q(state=DeliveryState.PENDING.value, approved_digest__isnull=False),
            ),
            models.Index(
                fields=["lease_until"],
                name="delivery_leased",
                condition=Q(state__in=[DeliveryState.CLAIMED.value, DeliveryState.SENDING.value]),
            ),
            models.Index(
                fields=["state"], name="delivery_unsettled", condition=Q(state=DeliveryState.UNKNOWN.value)
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["post", "channel"], name="delivery_once_a_channel"),
            models.CheckConstraint(
                condition=Q(state__in=[s.value for s in DeliveryState]), name="delivery_state_is_known"
            ),
            # Nothing beyond these three states without approved bytes, and exactly these bytes.
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        DeliveryState.PENDING.value,
                        DeliveryState.HELD.value,
                        DeliveryState.MISSED.value,
                    ]
                )
                | Q(
                    sealed_digest__isnull=False,
                    approved_digest__isnull=False,
                    payload__isnull=False,
                    approved_digest=F("sealed_digest"),
                ),
                name="delivery_sends_approved_bytes_only",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=[DeliveryState.CLAIMED.value, DeliveryState.SENDING.value])
                | Q(lease_until__isnull=False),
                name="delivery_in_flight_has_a_lease",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post_id} → {self.channel_id}"

    @property
    def lifecycle(self) -> DeliveryState:
        return DeliveryState(self.state)

    def lateness(self) -> timedelta | None:
        """Due instant to accepted by the network, once it is out."""
        return self.delivered_at - self.due_at if self.delivered_at and self.due_at else None


def no_content() -> dict[str, Any]:
    """An empty content, every key present."""
    return {
        "text": "",
        "variants": {},
        "options": {},
        "link": "",
        "reply_to": "",
        "thread": [],
        "media": [],
        "channels": [],
    }
