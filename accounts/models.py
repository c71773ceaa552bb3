"""People, the brands they speak for, and how they sign in.

Nobody is ever deleted: a contribution, a decision or an act in the journal points at who did it for
ever. An account is deactivated, and its personal data erased in place.
"""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any, ClassVar

from allauth.account.models import EmailAddress
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

LANGUAGES = [("fr", _("French")), ("en", _("English"))]
slug_of_a_brand = RegexValidator(r"^[a-z0-9]+(?:-[a-z0-9]+)*$", _("Small letters, digits and hyphens only."))


def check_zone(name: str) -> None:
    """Raises ValidationError unless `name` is an IANA time zone, such as Europe/Paris."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(name)s” is not a time zone; write it like Europe/Paris."), params={"name": name}
        )


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        if not email:
            raise ValidationError(_("An account needs an e-mail address."))
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        # Nobody registers here: the only way in is the link that is sent to this very address, so whoever
        # is in has proved that it is theirs. Without it two-factor authentication could not be set up.
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """An account. Several accounts may be one person: `person_id` is what the gate counts."""

    email = models.EmailField(_("e-mail"), max_length=254, unique=True)
    name = models.CharField(_("name"), max_length=120)
    language = models.CharField(_("language"), max_length=5, choices=LANGUAGES, default="fr")
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="Europe/Paris", validators=[check_zone]
    )
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may open the admin panel"), default=False)
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    # Hints that were waved away, by name: none of them comes back on another device.
    hints_seen = models.JSONField(default=list, blank=True, editable=False)
    same_person_as = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="other_accounts",
        verbose_name=_("same person as"),
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_once"),
            models.CheckConstraint(
                condition=Q(same_person_as__isnull=True) | ~Q(same_person_as=models.F("id")),
                name="user_not_own_alias",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def person_id(self) -> int:
        """The person behind this account: linked accounts all answer the same number."""
        return self.same_person_as_id or self.pk


class Brand(models.Model):
    """The domain that is regulated: nothing leaves it except through the gate."""

    slug = models.CharField(_("short name"), max_length=60, unique=True, validators=[slug_of_a_brand])
    name = models.CharField(_("name"), max_length=120)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="Europe/Paris", validators=[check_zone]
    )
    language = models.CharField(_("default language"), max_length=5, choices=LANGUAGES, default="fr")
    slots = models.JSONField(_("slots"), default=list, blank=True, help_text=_("Local times, such as 09:00."))
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    # [{"day": "2026-12-25", "name": "Noël"}], in order of the days, local to the brand. Whose holidays they
    # are is the brand's to say: the house keeps no calendar of its own.
    holidays = models.JSONField(_("holidays"), default=list, blank=True, editable=False)
    late_minutes = models.PositiveIntegerField(_("minutes a post may be late"), default=60)
    accepted_to_entrust = models.PositiveSmallIntegerField(
        _("accepted posts before somebody is entrusted"), default=20
    )
    # Raised under the brand's exclusive lock by every change of credentials, policy, membership,
    # pauses and incidents. A release compares it with the claim's: one number instead of many rows.
    standing = models.BigIntegerField(default=0, editable=False)
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True, editable=False)
    # An owner put the list of first steps away, done or not.
    set_up_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class Membership(models.Model):
    """An account's place in a brand. Title and ownership open nothing at the gate."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="memberships")
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships")
    title = models.CharField(_("title"), max_length=120, blank=True)
    is_owner = models.BooleanField(_("owner"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    joined_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["brand", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} · {self.brand}"


class Invitation(models.Model):
    """Somebody is asked into a brand, at one address. The link that is mailed opens it once; of its secret
    part only a hash is kept (`accounts/admitting.py`)."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="invitations")
    email = models.EmailField(_("e-mail"), max_length=254)
    name = models.CharField(_("name"), max_length=120, blank=True)
    title = models.CharField(_("title"), max_length=120, blank=True)
    is_owner = models.BooleanField(_("owner"), default=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    invited_by = models.ForeignKey(
        User, models.PROTECT, related_name="+", verbose_name=_("invited by"), editable=False
    )
    sent_at = models.DateTimeField(_("sent"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"), editable=False)
    accepted_at = models.DateTimeField(_("accepted"), null=True, editable=False)
    accepted_by = models.ForeignKey(
        User, models.PROTECT, null=True, related_name="+", verbose_name=_("accepted by"), editable=False
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, editable=False)

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        constraints = [
            models.UniqueConstraint(
                "brand",
                Lower("email"),
                condition=Q(accepted_at__isnull=True, withdrawn_at__isnull=True),
                name="invitation_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} · {self.brand}"

    @property
    def is_open(self) -> bool:
        """Neither accepted nor withdrawn; whether it has run out is for a clock to say."""
        return self.accepted_at is None and self.withdrawn_at is None


class OnCall(models.Model):
    """Who is called first in a week (its Monday, by the brand's calendar). It routes; it qualifies nobody."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="on_call")
    user = models.ForeignKey(User, models.PROTECT, related_name="on_call")
    week = models.DateField(_("week of"))

    class Meta:
        verbose_name = _("week on call")
        verbose_name_plural = _("weeks on call")
        constraints = [models.UniqueConstraint(fields=["brand", "week"], name="on_call_once")]

    def __str__(self) -> str:
        return f"{self.user}: {self.week}"


class Absence(models.Model):
    """Days (inclusive, local to the brand) on which a person should not be asked."""

    brand = models.ForeignKey(Brand, models.PROTECT, related_name="absences")
    user = models.ForeignKey(User, models.PROTECT, related_name="absences")
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        constraints = [
            models.CheckConstraint(
                condition=Q(last_day__gte=models.F("first_day")), name="absence_ends_after_it_begins"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.first_day} – {self.last_day}"


class Scope(models.TextChoices):
    """What a token may be used for. `decide` is given by a person signed in, or in the demonstration."""

    READ = "read", _("read")
    DRAFT = "draft", _("draft and submit")
    DECIDE = "decide", _("decide")
    MANAGE = "manage", _("run the brand")


class ApiToken(models.Model):
    """A person's key to the HTTP API, for one brand. Shown once; only its hash is kept."""

    user = models.ForeignKey(User, models.PROTECT, related_name="api_tokens")
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(default=list)
    label = models.CharField(_("label"), max_length=80, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.user} · {self.brand} · {self.label or self.pk}"

    def usable(self, at: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > at


class RepeatedCall(models.Model):
    """The answer already given to an `Idempotency-Key`, kept for a day: a repeated POST gets the
    same answer and does nothing twice. `fingerprint` tells a reused key from a repeated call."""

    token = models.ForeignKey(ApiToken, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("repeated call")
        verbose_name_plural = _("repeated calls")
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="repeated_call_once")]

    def __str__(self) -> str:
        return self.key
