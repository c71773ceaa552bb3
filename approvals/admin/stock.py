"""Templates and snippets in the admin panel: to read, and to put away. Their words are changed on the desk."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown, actor_of
from accounts.labels import WordedChoices, WordedYesNo
from approvals import stocking
from approvals.admin.standing import OpenFilter
from posts.models import Snippet


class KeptFilter(OpenFilter):
    """What is on offer, and what was put away."""

    ended = "retired_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("yes", gettext_lazy("kept")), ("no", gettext_lazy("put away"))]


@admin.register(Snippet)
class SnippetAdmin(Shown):
    list_display = ("name", "whole", "brand", "excerpt", "changed_by", "changed_at", "retired_at")
    fields = (
        "name", "whole", "brand", "text", "kind", "channels", "products", "topics", "link", "written_by",
        "changed_by", "changed_at", "retired_at",
    )  # fmt: skip
    list_select_related = ("brand", "changed_by")
    list_filter = (BrandFilter, KeptFilter, ("whole", WordedYesNo), ("kind", WordedChoices))
    search_fields = ("name", "text", "changed_by__name")
    ordering = ("brand__name", "-whole", "name", "pk")
    actions = ("put_away",)

    @admin.display(description=gettext_lazy("text"))
    def excerpt(self, row: Snippet) -> str:
        return Truncator(row.text).chars(80)

    @admin.display(description=gettext_lazy("written by"))
    def written_by(self, row: Snippet) -> str:
        return ", ".join(one.name for one in row.writers.order_by("pk")) or "–"

    def offers(self, request: HttpRequest, row: Snippet) -> list[tuple[str, str]]:
        return super().offers(request, row) if row.retired_at is None else []

    @admin.action(description=gettext_lazy("Put away: no longer offered"), permissions=["act"])
    def put_away(self, request: HttpRequest, rows: QuerySet[Snippet]) -> None:
        actor = actor_of(request)
        self.act(request, rows, lambda one: stocking.put_away(actor, one.pk), _("%(name)s: put away."))
