"""The journal in the admin panel: to read and to filter. Nobody writes, changes or removes an entry."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown
from journal.models import Entry
from journal.wording import verb_name


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
