"""What every page of the admin panel is built on: shown, never written; acts go through the verbs.

The accounts themselves are registered in `approvals/admin/`: inviting and deactivating change what
the gate says, so their verbs stand there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.contrib.admin.utils import unquote
from django.db.models import JSONField, Model, QuerySet
from django.forms import CharField, Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from accounts.labels import worded
from accounts.models import Absence, Brand, OnCall, RepeatedCall, User
from accounts.refusals import Refused

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
    _Filter = admin.SimpleListFilter
else:
    _Admin, _Filter = admin.ModelAdmin, admin.SimpleListFilter


def actor_of(request: HttpRequest) -> User:
    """Who acts: the admin panel lets nobody in who is not signed in."""
    if not isinstance(request.user, User):
        raise TypeError("the admin panel was reached without an account")
    return request.user


def brands_of(user: User) -> QuerySet[Brand]:
    """The brands whose rows a person sees in the panel: all for whoever runs the place, else their own."""
    if user.is_superuser:
        return Brand.objects.all()
    return Brand.objects.filter(memberships__user=user, memberships__is_active=True)


class Reason(Form):
    """Why somebody acts; it goes into the journal."""

    reason = CharField(label=gettext_lazy("Why:"), required=False, max_length=300)


class ReasonBar(ActionForm, Reason):
    """The bar of actions above a list, with a sentence that says why."""

    field_order = ("action", "select_across", "reason")


class BrandFilter(_Filter):
    """By brand, offering only those whose rows the person sees."""

    title = gettext_lazy("brand")
    parameter_name = "brand"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (str(pk), name)
            for pk, name in brands_of(actor_of(request)).order_by("name").values_list("pk", "name")
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        path = getattr(self, "path", "brand")
        return queryset.filter(**{path: chosen}) if chosen and chosen.isdigit() else queryset


class Shown(_Admin):
    """Rows to read. Nothing is added, changed or deleted here; the history of a row is our journal.

    `brand_path` leads to the brand, so that staff who do not run the place see their brands alone; empty
    for what belongs to the installation, which only those who run it see. `subject` is what the journal
    calls such a row.
    """

    brand_path = "brand"
    subject = ""
    # What hangs on a row, as links on its page: (model, its column that names the row).
    leads: ClassVar[Sequence[tuple[str, str]]] = ()
    list_per_page = 50
    show_full_result_count = False

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        # The first column of a list is itself the link to the row's page; a list has no room for laid out JSON.
        self.list_display = [
            self._worded(name, linked=place > 0 and not self._is_json(name))
            for place, name in enumerate(self.list_display)
        ]
        if self.fields:
            written = set(getattr(getattr(self.form, "Meta", None), "fields", None) or ())
            self.fields = [  # type: ignore[misc]
                name if name in written else self._worded(name) for name in self.fields
            ]

    def _is_json(self, name: Any) -> bool:
        field = next((one for one in self.opts.fields if one.name == name), None)
        return isinstance(field, JSONField)

    def _worded(self, name: Any, *, linked: bool = True) -> Any:
        """The name of a column under our words, where the model's own column has none."""
        if hasattr(type(self), name) or name.startswith("__"):
            return name
        column = worded(self.opts.get_field(name), linked=linked)
        if column is None:
            return name
        ours = f"{'linked' if linked else 'worded'}_{name}"
        setattr(self, ours, column)
        return ours

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        user = actor_of(request)
        return rows if user.is_superuser else self.in_brands(rows, brands_of(user))

    def in_brands(self, rows: QuerySet[Any], brands: QuerySet[Brand]) -> QuerySet[Any]:
        return rows.filter(**{f"{self.brand_path}__in": brands}) if self.brand_path else rows.none()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for name in self.fields or () if isinstance(name, str)]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whether actions are offered. Whether one may be done is for its verb to say."""
        return self.has_view_permission(request)

    def leads_of(self, request: HttpRequest, row: Model) -> list[tuple[str, str]]:
        """[(address of a filtered list, its words)] of what hangs on the row and the person may see."""
        found = []
        for label, column in self.leads:
            model = apps.get_model(label)
            if not self.admin_site.get_model_admin(model).has_view_permission(request):
                continue
            asked = column if column == "brand" or column.endswith("_id") else f"{column}__id__exact"
            place = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
            found.append((f"{place}?{urlencode({asked: row.pk})}", str(model._meta.verbose_name_plural)))
        return found

    def offers(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        """[(action, its words)] that the row's own page offers: those of the list that make sense for it."""
        return [(one[1], str(one[2])) for one in self.get_actions(request).values() if one is not None]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id)) if self.has_view_permission(request) else None
        extra = {**(extra_context or {})}
        if row is not None:
            extra |= {
                "leads": self.leads_of(request, row),
                "offers": self.offers(request, row),
                "asks_why": issubclass(self.action_form, Reason),
                "list_url": self.own("changelist"),
            }
        return super().change_view(request, object_id, form_url, extra)

    def own(self, name: str, *args: object) -> str:
        """The address of one of this model's pages."""
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}", args=args)

    def response_action(  # type: ignore[override]
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """What was done from a row's own page comes back to it."""
        answer = super().response_action(request, queryset)
        chosen = request.POST.getlist("_selected_action")
        one = "from_page" in request.POST and len(chosen) == 1 and chosen[0].isdigit()
        if not one or not isinstance(answer, HttpResponseRedirect):
            return answer
        done = answer.url.partition("?")[0] == self.own("changelist")
        return HttpResponseRedirect(self.own("change", chosen[0])) if done else answer

    def ask(self, request: HttpRequest, form: Form, title: str, submit: str, **more: Any) -> TemplateResponse:
        """The page between an act and its doing: what it needs to know, in `form`. A form that comes back
        with what was wrong says so in its status."""
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "form": form,
            "submit": submit,
            **more,
        }
        page = TemplateResponse(request, "admin/asking.html", context)
        page.status_code = 422 if form.errors else 200
        return page

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> Any:
        """A verb may refuse what the form let through: somebody else was faster, or it is not theirs."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refusal:
            messages.error(request, refusal.sentence)
            return HttpResponseRedirect(request.get_full_path())

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Django's own log knows only what was done here; the journal knows it all."""
        subject = f"{self.subject or self.opts.model_name}:{object_id}"
        return HttpResponseRedirect(
            f"{reverse('admin:journal_entry_changelist')}?{urlencode({'subject__exact': subject})}"
        )

    def act(
        self, request: HttpRequest, rows: Iterable[Model], verb: Callable[[Any], object], done: str
    ) -> None:
        """Calls `verb` on each row and says for each what came of it; `done` has a %(name)s."""
        for row in rows:
            try:
                verb(row)
            except Refused as refusal:
                messages.error(request, f"{row}: {refusal.sentence}")
            else:
                messages.success(request, done % {"name": row})


def reason_given(request: HttpRequest) -> str:
    """What was typed beside the action. The form has already been checked by the admin."""
    form = Reason(request.POST)
    return str(form.cleaned_data.get("reason", "")) if form.is_valid() else ""


@admin.register(Absence)
class AbsenceAdmin(Shown):
    list_display = fields = ("user", "brand", "first_day", "last_day")
    list_select_related = ("user", "brand")
    list_filter = (BrandFilter,)
    search_fields = ("user__name", "user__email")


@admin.register(OnCall)
class OnCallAdmin(Shown):
    list_display = fields = ("user", "brand", "week")
    list_select_related = ("user", "brand")
    list_filter = (BrandFilter,)
    search_fields = ("user__name", "user__email")
    ordering = ("-week", "pk")


class TokenBrandFilter(BrandFilter):
    path = "token__brand"


@admin.register(RepeatedCall)
class RepeatedCallAdmin(Shown):
    """That a call was repeated, and not what it was answered: that may hold anything."""

    brand_path = "token__brand"
    list_display = fields = ("created_at", "token", "key", "status")
    list_select_related = ("token__user", "token__brand")
    list_filter = (TokenBrandFilter,)
    search_fields = ("key", "token__user__name", "token__user__email")
    ordering = ("-pk",)
