"""What happened, who did it, and who is told.

`Entry` and `Seal` are append-only, in the database too (`journal/triggers.py`). A name or a quoted
sentence that a person may one day ask us to erase stands in `Personal`, of which the entry keeps
only a salted hash: erasing it leaves the chain whole.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand, User


class Entry(models.Model):
    """One act. `verb` is stable (`post.submit`), `subject` says on what (`post:12`)."""

    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)
    # Brands are never deleted; an entry is written with everything that happens.
    brand = models.ForeignKey(
        Brand,
        models.PROTECT,
        null=True,
        related_name="+",
        editable=False,
        db_constraint=False,
        db_index=False,
    )
    verb = models.CharField(_("verb"), max_length=48, editable=False)
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", editable=False)
    # Background work passes a named system actor; `actor` is then null and this says who.
    system = models.CharField(max_length=40, blank=True, editable=False)
    subject = models.CharField(_("subject"), max_length=64, editable=False)
    post_id = models.BigIntegerField(null=True, editable=False)
    data = models.JSONField(_("data"), default=dict, editable=False)
    personal_hash = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal entries")
        indexes = [
            models.Index(fields=["brand", "-id"], name="entry_of_brand"),
            models.Index(fields=["post_id", "id"], name="entry_of_post", condition=Q(post_id__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(actor__isnull=False) | ~Q(system=""), name="entry_has_an_actor"
            )
        ]

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"


class Personal(models.Model):
    """Text that names or quotes a person, erasable without breaking the chain."""

    entry = models.OneToOneField(Entry, models.PROTECT, related_name="personal", primary_key=True)
    salt = models.CharField(max_length=32)
    text = models.TextField(blank=True)
    erased_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("personal text")
        verbose_name_plural = _("personal texts")

    def __str__(self) -> str:
        return self.text


class Chain(models.Model):
    """The head of one brand's chain (a null brand: the installation's own). `floor` is an entry id up
    to which everything is sealed, so that looking for what is not stays cheap."""

    brand = models.OneToOneField(Brand, models.PROTECT, null=True, related_name="+")
    sequence = models.BigIntegerField(default=0)
    head = models.CharField(max_length=64, default="0" * 64)
    floor = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("chain of the journal")
        verbose_name_plural = _("chains of the journal")
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(brand__isnull=True), name="chain_of_the_installation_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.brand or '–'} #{self.sequence}"


class Seal(models.Model):
    """One link: entry number `sequence` of the brand's chain and its hash over the link before. No
    database constraint on the entry, so that a removed entry is found rather than prevented twice."""

    brand = models.ForeignKey(
        Brand, models.PROTECT, null=True, related_name="+", editable=False, db_index=False
    )
    sequence = models.BigIntegerField(editable=False)
    entry = models.OneToOneField(
        Entry, models.DO_NOTHING, related_name="seal", db_constraint=False, editable=False
    )
    hash = models.CharField(max_length=64, editable=False)
    sealed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")
        constraints = [
            models.UniqueConstraint(fields=["brand", "sequence"], name="seal_once_per_place"),
            models.UniqueConstraint(
                fields=["sequence"],
                condition=Q(brand__isnull=True),
                name="seal_once_per_place_of_the_installation",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.sequence}"


class Notice(models.Model):
    """Somebody is told something: shown on their desk, and sent by mail."""

    user = models.ForeignKey(User, models.PROTECT, related_name="notices")
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)
    post_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    # When it was dealt with as mail: sent, or found to be one that its reader wants on the desk only.
    mailed_at = models.DateTimeField(null=True)
    # A mail server asked us to come back later: not before then.
    mail_after = models.DateTimeField(null=True)
    # It waits for its reader's next digest instead of having a mail of its own.
    in_digest = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes = [
            models.Index(fields=["user", "-id"], name="notice_of_user"),
            models.Index(fields=["user", "brand"], name="notice_unread", condition=Q(read_at__isnull=True)),
            # Who was asked to post something by hand is looked up when it is stopped, under its brand's lock.
            models.Index(fields=["post_id"], name="notice_by_hand", condition=Q(kind="delivery.by_hand")),
            models.Index(
                fields=["id"], name="notice_to_mail", condition=Q(mailed_at__isnull=True, in_digest=False)
            ),
            models.Index(
                fields=["user"], name="notice_in_digest", condition=Q(mailed_at__isnull=True, in_digest=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.user}"


class Topic(models.TextChoices):
    """What notices are about, as few words as fit on one screen (`journal/preferring.py` sorts the kinds)."""

    ASKED = "asked", _("You are asked for something")
    INCIDENT = "incident", _("Incidents, stops, urgent calls")
    STOPPED = "stopped", _("A post is stopped, held or missed")
    ANSWERED = "answered", _("Somebody decided on your post")
    CHANNELS = "channels", _("A channel is in trouble")
    TALK = "talk", _("Comments and suggestions")
    TEAM = "team", _("Expertise and rules")


class How(models.TextChoices):
    """By which way a notice reaches its reader, besides the desk, where it always stands."""

    AT_ONCE = "at_once", _("By mail, at once")
    DIGEST = "digest", _("In the daily digest")
    HERE = "here", _("Only here")


class Preference(models.Model):
    """What one person chose for one topic; without a row the house's default holds."""

    user = models.ForeignKey(User, models.PROTECT, related_name="preferences")
    topic = models.CharField(max_length=12, choices=Topic.choices)
    how = models.CharField(max_length=8, choices=How.choices)

    class Meta:
        verbose_name = _("notice preference")
        verbose_name_plural = _("notice preferences")
        constraints = [models.UniqueConstraint(fields=["user", "topic"], name="preference_once")]

    def __str__(self) -> str:
        return f"{self.user}: {self.topic} {self.how}"


class Digest(models.Model):
    """A person's daily mail: at which hour of their own clock, and when the next one is due (null while
    nothing waits for it)."""

    user = models.OneToOneField(User, models.PROTECT, related_name="digest")
    hour = models.PositiveSmallIntegerField(_("hour"), default=8)
    due_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("daily digest")
        verbose_name_plural = _("daily digests")
        indexes = [
            models.Index(fields=["due_at"], name="digest_due", condition=Q(due_at__isnull=False)),
        ]
        constraints = [models.CheckConstraint(condition=Q(hour__lte=23), name="digest_hour_of_a_day")]

    def __str__(self) -> str:
        return f"{self.user}: {self.hour} h"
