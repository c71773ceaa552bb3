"""Posts, their immutable revisions, their deliveries; channels and media.

State columns are written by `posts/moves.py` alone.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
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


class Fit(models.Model):
    """What a picture became so that a network takes it, made once and the same ever after (posts/fitting.py).
    `rules` is the SHA-256 of the rules it was made for. Without `fitted` it cannot be brought within them.
    `flattened`: transparent parts became white."""

    source = models.ForeignKey(Media, models.PROTECT, related_name="fits")
    rules = models.CharField(max_length=64)
    fitted = models.ForeignKey(Media, models.PROTECT, null=True, related_name="+")
    flattened = models.BooleanField(default=False)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("fitted picture")
        verbose_name_plural = _("fitted pictures")
        constraints = [models.UniqueConstraint(fields=["source", "rules"], name="fit_once_for_rules")]

    def __str__(self) -> str:
        return f"{self.source_id} → {self.fitted_id}"


class Lineage(models.Model):
    """A post with its clones and splits: whoever wrote in one wrote in all, and a veto on one holds all."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("lineage")
        verbose_name_plural = _("lineages")

    def __str__(self) -> str:
        return f"#{self.pk}"


class Post(models.Model):
    """What a brand wants to say, when, where. `version` rises with everything the gate looks at, so
    that a release can tell whether anything moved since its claim; moves of the release engine itself
    leave it alone."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="posts", db_index=False)
    lineage = models.ForeignKey(Lineage, models.PROTECT, related_name="posts")
    author = models.ForeignKey(User, models.PROTECT, related_name="posts")
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.ROUTINE)
    products = models.JSONField(_("products"), default=list)
    topics = models.JSONField(_("topics"), default=list)
    # Somebody said which products it speaks of, or that it speaks of none: asked of a post without words.
    products_said = models.BooleanField(default=False, editable=False)
    state = models.CharField(
        _("state"),
        max_length=20,
        choices=[(s.value, s.value) for s in PostState],
        default=PostState.DRAFT.value,
    )
    version = models.BigIntegerField(default=1)
    revision = models.ForeignKey("Revision", models.PROTECT, null=True, related_name="+", db_index=False)
    slot = models.DateTimeField(_("slot"), null=True)
    # The time on the brand's wall that was meant by `slot` (ISO 8601 without an offset); empty when an
    # instant was meant. Should the zone's rules change, it says where the slot belongs (posts/timekeeping.py).
    local_slot = models.CharField(max_length=26, blank=True, default="", editable=False)
    on_approval = models.BooleanField(_("on approval"), default=False)
    window_from = models.DateTimeField(null=True)
    window_until = models.DateTimeField(null=True)
    late_minutes = models.PositiveIntegerField(default=60)
    # Goes out after that one, channel by channel, and not without it.
    after = models.ForeignKey("self", models.PROTECT, null=True, related_name="followers", db_index=False)
    # What this one replaces, where it is out: its deliveries are corrections (approvals/correcting.py).
    corrects = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="corrections", db_index=False, editable=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    submitted_at = models.DateTimeField(null=True)
    # Why it is held or missed, as a list of {"code", ...}: worded by the pages.
    reasons = models.JSONField(default=list)
    # Made by a recurrence for that slot: at most once, however many tickers there are.
    recurrence = models.ForeignKey(
        "Recurrence", models.PROTECT, null=True, related_name="posts", db_index=False
    )
    recurrence_slot = models.DateTimeField(null=True)
    # Held by a person: only a person lifts it. A hold by the gate or an incident leaves this empty.
    held_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    released_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", db_index=False)
    released_at = models.DateTimeField(null=True)
    released_digest = models.CharField(max_length=64, blank=True)
    released_epoch = models.BigIntegerField(null=True)
    # What the template it began with left open, such as "[produit]": as long as one of them stands somewhere
    # in its words it cannot be submitted (posts/filling.py).
    gaps = models.JSONField(default=list, editable=False)

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
            # The queue's own order: a page of it reads as many rows as it shows, however full it is.
            models.Index(
                fields=["brand", "-on_approval", "slot", "id"],
                name="post_in_the_queue",
                condition=Q(state=PostState.IN_REVIEW.value),
            ),
            models.Index(fields=["corrects"], name="post_that_corrects", condition=Q(corrects__isnull=False)),
            models.Index(fields=["after"], name="post_that_follows", condition=Q(after__isnull=False)),
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
    # Nothing but a light correction of the one before (posts/retouching.py).
    light = models.BooleanField(default=False)
    payloads = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, blank=True)
    sealed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        # When bytes were sealed, without the bytes: the time to a decision is counted from there.
        indexes = [
            models.Index(
                fields=["id", "sealed_at"], name="revision_sealed_when", condition=Q(sealed_at__isnull=False)
            )
        ]
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
    # The same on the brand's wall, which is what the rule counts from when the zone's rules change.
    local_starts = models.CharField(max_length=26, blank=True, default="", editable=False)
    days_ahead = models.PositiveSmallIntegerField(default=7)
    last_slot = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("recurrence")
        verbose_name_plural = _("recurrences")
        indexes = [models.Index(fields=["id"], name="recurrence_going", condition=Q(ended_at__isnull=True))]

    def __str__(self) -> str:
        return self.rule

    @property
    def first(self) -> datetime:
        """Its first time, by the brand's clocks."""
        if not self.local_starts:
            return self.starts
        return datetime.fromisoformat(self.local_starts).replace(tzinfo=self.brand.zone)


class Snippet(models.Model):
    """Words kept ready. A `whole` one is a template: a draft to begin from, with gaps such as [produit] in its
    words; any other is a piece that is put in where somebody writes, such as the opening hours.

    It carries no approval. Whoever wrote in a template (`writers`, for ever) wrote in what begins with it.
    What only a template has is empty in a piece: its `kind`, `channels`, `products` and `topics` (as in a post)
    and its `link`.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="snippets")
    name = models.CharField(_("name"), max_length=80)
    whole = models.BooleanField(_("template"), default=False)
    text = models.TextField(_("text"))
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.ROUTINE)
    channels = models.JSONField(_("channels"), default=list, blank=True)
    products = models.JSONField(_("products"), default=list, blank=True)
    topics = models.JSONField(_("topics"), default=list, blank=True)
    link = models.CharField(_("link"), max_length=2000, blank=True)
    writers = models.ManyToManyField(User, related_name="+", verbose_name=_("written by"))
    # Rises with every change: two people who change it at once are told.
    version = models.PositiveIntegerField(default=1)
    changed_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("changed by"))
    changed_at = models.DateTimeField(_("changed"), default=timezone.now)
    retired_at = models.DateTimeField(_("put away"), null=True)

    class Meta:
        verbose_name = _("template or snippet")
        verbose_name_plural = _("templates and snippets")
        constraints = [
            models.UniqueConstraint(
                "brand", Lower("name"), condition=Q(retired_at__isnull=True), name="snippet_name_once"
            ),
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="snippet_kind_is_known"),
        ]

    def __str__(self) -> str:
        return self.name


class Contribution(models.Model):
    """Somebody wrote in a post. `light`: only a light correction, after which its maker may still
    approve under a preset that allows it. Never deleted."""

    lineage = models.ForeignKey(Lineage, models.PROTECT, related_name="contributions")
    post = models.ForeignKey(Post, models.PROTECT, related_name="contributions")
    user = models.ForeignKey(User, models.PROTECT, related_name="contributions")
    light = models.BooleanField(default=False)
    first_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("contribution")
        verbose_name_plural = _("contributions")
        constraints = [models.UniqueConstraint(fields=["post", "user", "light"], name="contribution_once")]

    def __str__(self) -> str:
        return f"{self.user} → {self.post_id}"


class Comment(models.Model):
    """A remark on a post, perhaps anchored to a passage of a revision.

    With `suggestion` (not null; empty takes the passage away) it proposes other words for `quote`, which
    stands in the part `place` of the content: "text", "variants:<channel>", "thread:<n>", "alt:<n>". The
    answer of a writer is `settled_by` at `resolved_at`; `accepted_in` is the revision an acceptance made.
    """

    post = models.ForeignKey(Post, models.PROTECT, related_name="comments")
    revision = models.ForeignKey(Revision, models.PROTECT, related_name="+")
    author = models.ForeignKey(User, models.PROTECT, related_name="+")
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="replies")
    text = models.TextField()
    quote = models.TextField(blank=True)
    suggestion = models.TextField(null=True)
    place = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    accepted_in = models.ForeignKey(Revision, models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        constraints = [
            models.CheckConstraint(
                condition=Q(suggestion__isnull=True) | (~Q(quote="") & ~Q(place="")),
                name="suggestion_has_its_passage",
            ),
            models.CheckConstraint(
                condition=Q(accepted_in__isnull=True)
                | Q(suggestion__isnull=False, resolved_at__isnull=False, settled_by__isnull=False),
                name="only_suggestions_are_accepted",
            ),
        ]

    def __str__(self) -> str:
        return self.text[:60]


class RuleForm(models.TextChoices):
    WORDS = "words", _("words")
    PATTERN = "pattern", _("pattern")


class LexiconRule(models.Model):
    """Words (or a regular expression) that raise a facet wherever they stand in a post of the brand.

    `facet` is a kind ("launch"), "product:<key>" or "topic:<key>". A rule is never changed: another one
    takes its place. Ending one loosens, so it is asked for by one person and done by a second.
    """

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="lexicon")
    form = models.CharField(max_length=8, choices=RuleForm.choices, default=RuleForm.WORDS)
    text = models.CharField(max_length=200)
    facet = models.CharField(max_length=80)
    # Nobody: it came with the brand.
    added_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)
    ending_asked_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    ending_asked_at = models.DateTimeField(null=True)
    ending_reason = models.CharField(max_length=300, blank=True)
    ended_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("rule of the lexicon")
        verbose_name_plural = _("lexicon")
        constraints = [
            models.UniqueConstraint(
                fields=["brand", "form", "text", "facet"],
                condition=Q(ended_at__isnull=True),
                name="lexicon_rule_once",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True)
                | Q(ended_by__isnull=False, ending_asked_by__isnull=False) & ~Q(ending_reason=""),
                name="lexicon_rule_ended_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.text} → {self.facet}"


class FacetMark(models.Model):
    """Why a post has a facet: a person said so (`by`), or the lexicon did, on account of `words`, a list
    of {"words": as written, "where": the part of the content}. One that was lowered keeps its row: the
    lexicon does not raise the facet again for the same words."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="facet_marks")
    facet = models.CharField(max_length=80)
    by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    words = models.JSONField(default=list)
    at = models.DateTimeField(default=timezone.now)
    lowered_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    lowered_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)

    class Meta:
        verbose_name = _("facet of a post")
        verbose_name_plural = _("facets of posts")
        indexes = [models.Index(fields=["post", "id"], name="facet_mark_of_post")]
        constraints = [
            models.CheckConstraint(
                condition=Q(lowered_at__isnull=True) | Q(lowered_by__isnull=False) & ~Q(reason=""),
                name="facet_lowered_by_somebody_who_says_why",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.post_id}: {self.facet}"


def new_key() -> str:
    return uuid.uuid4().hex


class Delivery(models.Model):
    """One post to one channel, a row from the first draft on.

    `next_at` is when to try next (the slot, or later after a rate limit); `due_at` is the slot, from
    which lateness is measured; `expires_at` the last instant at which it may go out. `token` is the
    fencing token: it rises with every claim, and only the holder of the newest may write an outcome.
    """

    post = models.ForeignKey(Post, models.PROTECT, related_name="deliveries", db_index=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="deliveries")
    # What is out there and is replaced by this one, instead of being published beside it.
    corrects = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="corrections", db_index=False, editable=False
    )
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
            models.Index(
                fields=["corrects"], name="delivery_that_corrects", condition=Q(corrects__isnull=False)
            ),
            # How late a brand's releases were is read from here, and not from rows as wide as their payloads.
            models.Index(
                fields=["brand", "id", "due_at"],
                name="delivery_by_due_time",
                condition=Q(due_at__isnull=False),
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
