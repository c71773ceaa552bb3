"""Brands in the admin panel: made and set up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.admin import Shown, actor_of
from accounts.models import Brand
from accounts.policies import membership_in
from accounts.refusals import Refused
from approvals import running
from posts.timetabling import read_slots

if TYPE_CHECKING:
    _BrandForm = forms.ModelForm[Brand]
else:
    _BrandForm = forms.ModelForm


class BrandForm(_BrandForm):
    slots = forms.CharField(
        label=gettext_lazy("Slots"),
        required=False,
        help_text=gettext_lazy(
            "Local times, such as 09:00, 12:30; those of some days as mon-fri 09:00, sat+sun 10:00."
        ),
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )

    class Meta:
        model = Brand
        fields = ("slug", *running.SETTINGS)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        if self.instance.pk:
            self.initial["slots"] = ", ".join(self.instance.slots)

    def clean_slots(self) -> list[str]:
        try:
            return read_slots(self.cleaned_data["slots"])
        except Refused as refusal:
            raise forms.ValidationError(refusal.sentence) from None

    def _post_clean(self) -> None:
        """What the verb would refuse is said at its field, before anything is written."""
        super()._post_clean()  # type: ignore[misc]
        try:
            running.check_brand(self.instance)
        except Refused as refusal:
            for field, sentences in refusal.fields.items():
                if field in self.fields and field not in self.errors:
                    self.add_error(field, [str(one) for one in sentences])


@admin.register(Brand)
class BrandAdmin(Shown):
    form = BrandForm
    fields = ("slug", *running.SETTINGS)
    list_display = ("name", "slug", "time_zone", "language", "late_minutes", "stopped_at")
    search_fields = ("name", "slug")
    ordering = ("name",)
    leads = (
        ("accounts.Membership", "brand"),
        ("posts.Channel", "brand"),
        ("posts.Post", "brand"),
        ("posts.Delivery", "brand"),
        ("approvals.Credential", "brand"),
        ("approvals.Policy", "brand"),
        ("approvals.Incident", "brand"),
        ("journal.Entry", "brand"),
    )

    def in_brands(self, rows: QuerySet[Any], brands: QuerySet[Brand]) -> QuerySet[Any]:
        return rows.filter(pk__in=brands)

    def get_readonly_fields(self, request: HttpRequest, obj: Brand | None = None) -> list[str]:
        return ["slug"] if obj else []

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Brand | None = None) -> bool:
        user = actor_of(request)
        if user.is_superuser or obj is None:
            return user.is_superuser
        held = membership_in(user, obj)
        return held is not None and held.is_owner

    def save_model(
        self, request: HttpRequest, obj: Brand, form: forms.ModelForm[Brand], change: bool
    ) -> None:
        actor = actor_of(request)
        settings = {name: form.cleaned_data[name] for name in running.SETTINGS}
        if change:
            running.edit_brand(actor, obj.pk, **settings)
        else:
            obj.pk = running.create_brand(actor, form.cleaned_data["slug"], **settings).pk
