"""The journal and what tells people, in the admin panel: to read and to filter. Nobody writes, changes or
removes an entry; the salt of a personal text is shown nowhere."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown
from accounts.labels import WordedChoices, WordedEmpty, WordedYesNo
from accounts.models import Brand, Membership
from journal.models import Chain, Digest, Entry, Notice, Personal, Preference, Seal
from journal.wording import notice_title, verb_name


class VerbFilter(admin.SimpleListFilter):
    """By what the act was about: the word before the point. Fixed, because finding every verb in use
    would read the whole journal."""

    title = gettext_lazy("about")
    parameter_name = "about"
    _ABOUT = (
        ("post", gettext_lazy("posts")),
        ("decision", gettext_lazy("decisions")),
        ("delivery", gettext_lazy("deliveries")),
        ("channel", gettext_lazy("channels")),
        ("media", gettext_lazy("images")),
        ("member", gettext_lazy("memberships")),
        ("account", gettext_lazy("accounts")),
        ("person", gettext_lazy("persons")),
        ("credential", gettext_lazy("expertise")),
        ("policy", gettext_lazy("policy")),
        ("pause", gettext_lazy("pauses")),
        ("incident", gettext_lazy("incidents")),
        ("brand", gettext_lazy("brands")),
        ("token", gettext_lazy("API tokens")),
    )

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return self._ABOUT

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return queryset.filter(verb__startswith=f"{chosen}.") if chosen else queryset


@admin.register(Entry)
class EntryAdmin(Shown):
    list_display = ("at", "brand", "who", "what", "subject")
    fields = ("at", "brand", "who", "what", "verb", "subject", "data", "words")
    list_select_related = ("brand", "actor")
    list_filter = (BrandFilter, VerbFilter, "at")
    search_fields = ("subject__exact", "verb", "actor__name", "actor__email", "post_id__exact")
    search_help_text = gettext_lazy(
        "A post's number, a subject such as channel:3, a verb, a name or an address"
    )
    ordering = ("-pk",)
    leads = (("journal.Personal", "entry"), ("journal.Seal", "entry"))

    @admin.display(description=gettext_lazy("who"), ordering="actor__name")
    def who(self, entry: Entry) -> str:
        return str(entry.actor) if entry.actor else entry.system

    @admin.display(description=gettext_lazy("what"), ordering="verb")
    def what(self, entry: Entry) -> str:
        return verb_name(entry.verb)

    @admin.display(description=gettext_lazy("in their words"))
    def words(self, entry: Entry) -> str:
        personal = getattr(entry, "personal", None)
        return personal.text if personal else "–"


class EntryBrandFilter(BrandFilter):
    path = "entry__brand"


@admin.register(Personal)
class PersonalAdmin(Shown):
    """What names or quotes a person beside an entry, and whether it was erased."""

    brand_path = "entry__brand"
    list_display = fields = ("entry", "text", "erased_at")
    list_select_related = ("entry",)
    list_filter = (EntryBrandFilter, ("erased_at", WordedEmpty))
    search_fields = ("text", "entry__subject__exact", "entry__actor__name")
    ordering = ("-pk",)


@admin.register(Chain)
class ChainAdmin(Shown):
    list_display = fields = ("__str__", "brand", "sequence", "head")
    list_select_related = ("brand",)
    list_filter = (BrandFilter,)
    search_fields = ("brand__name", "head__exact")
    ordering = ("pk",)


@admin.register(Seal)
class SealAdmin(Shown):
    list_display = fields = ("sequence", "brand", "entry", "sealed_at", "hash")
    list_select_related = ("brand", "entry")
    list_filter = (BrandFilter,)
    search_fields = ("entry__id__exact", "entry__subject__exact", "hash__exact")
    search_help_text = gettext_lazy("An entry's number or subject, or a whole hash")
    ordering = ("-pk",)


@admin.register(Notice)
class NoticeAdmin(Shown):
    list_display = ("created_at", "user", "told", "brand", "read_at", "mailed_at", "in_digest")
    fields = (
        "created_at", "user", "told", "kind", "brand", "post_id", "read_at", "mailed_at", "mail_after",
        "in_digest",
    )  # fmt: skip
    list_select_related = ("user", "brand")
    list_filter = (BrandFilter, ("in_digest", WordedYesNo), ("mailed_at", WordedEmpty))
    search_fields = ("user__name", "user__email", "kind", "post_id__exact")
    search_help_text = gettext_lazy("A name or an address, a post's number, or a kind such as post.missed")
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("what"), ordering="kind")
    def told(self, notice: Notice) -> str:
        return notice_title(notice)


class OfPerson(Shown):
    """What a person chose for themselves: it belongs to no brand, and is seen by those of theirs."""

    list_select_related = ("user",)
    search_fields = ("user__name", "user__email")
    ordering = ("user__name", "pk")

    def in_brands(self, rows: QuerySet[Any], brands: QuerySet[Brand]) -> QuerySet[Any]:
        return rows.filter(user__in=Membership.objects.filter(brand__in=brands).values("user_id"))


@admin.register(Preference)
class PreferenceAdmin(OfPerson):
    list_display = fields = ("user", "topic", "how")
    list_filter = (("topic", WordedChoices), ("how", WordedChoices))


@admin.register(Digest)
class DigestAdmin(OfPerson):
    list_display = fields = ("user", "hour", "due_at")
