"""The stock of words: templates to begin with and pieces to put in; add, change, put away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Brand
from accounts.refusals import NotHere, Stale
from approvals import stocking
from approvals.wording import kind_name, product_names
from cm_queue.desk.forms import EmptyForm, attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.stock_forms import StockForm
from posts.filling import gaps_of
from posts.models import Snippet

SHOWN = 30


@dataclass(frozen=True, slots=True)
class Row:
    """One of the list: what a template is for (`about`) and leaves open (`gaps`), in words."""

    row: Snippet
    about: Sequence[str]
    gaps: Sequence[str]


def _rows(brand: Brand, page: Sequence[Snippet]) -> list[Row]:
    channels = dict(brand.channels.values_list("key", "name"))
    products = product_names(brand.pk)
    told = []
    for row in page:
        about = [kind_name(row.kind)] if row.whole else []
        about += [channels[key] for key in row.channels if key in channels]
        about += [products[key] for key in row.products if key in products]
        told.append(Row(row, [*about, *row.topics], gaps_of(row) if row.whole else []))
    return told


@require_GET
@for_members
def stock(request: MemberRequest) -> HttpResponse:
    return _page(request)


@require_POST
@for_members
def add_to_stock(request: MemberRequest) -> HttpResponse:
    form = StockForm(request.POST, request.brand)
    status = attempt(form, lambda: stocking.add(request.user, request.brand, form.said()))
    if status is not None:
        return _page(request, status, form=form)
    messages.success(request, _("Kept: everybody who writes here finds it now."))
    return redirect("compose_stock")


def _page(request: MemberRequest, status: int = 200, **more: Any) -> HttpResponse:
    """Templates first, each kind by its names."""
    brand = request.brand
    kept = Snippet.objects.filter(brand=brand, retired_at=None)
    rows = kept.select_related("changed_by").order_by("-whole", "name", "pk")
    page = Paginator(rows, SHOWN).get_page(request.GET.get("page"))
    may_keep = stocking.may_keep(request.user, brand)
    context = {
        "page": page,
        "rows": _rows(brand, list(page)),
        **kept.aggregate(
            templates=Count("pk", filter=Q(whole=True)), pieces=Count("pk", filter=Q(whole=False))
        ),
        "may_keep": may_keep,
        "keepers": [] if may_keep else [user.name for user in stocking.keepers(brand)],
        "form": StockForm(None, brand) if may_keep else None,
        **more,
    }
    return render(request, "desk/stock.html", context, status=status)


# --- One of them ------------------------------------------------------------------------------------
def _row(request: MemberRequest, pk: int) -> Snippet:
    row = Snippet.objects.select_related("brand", "changed_by").filter(pk=pk, brand=request.brand).first()
    if row is None:
        raise NotHere("no_such_snippet", _("There is no such template or snippet."))
    return row


@require_http_methods(["GET", "POST"])
@for_members
def change_in_stock(request: MemberRequest, pk: int) -> HttpResponse:
    row = _row(request, pk)
    if request.method == "GET":
        return _row_page(request, row, StockForm(None, row.brand, row))
    form = StockForm(request.POST, row.brand, row)
    status = attempt(
        form, lambda: stocking.change(request.user, pk, form.said(), seen=form.cleaned_data["seen"])
    )
    if status is not None:
        now = _row(request, pk)
        if status == Stale.status:
            # Above the form stands what is there now: saving again means it.
            form.read_again(now)
        return _row_page(request, now, form, status)
    messages.success(request, _("Changed. Posts that began with it keep what they have."))
    return redirect("compose_stock")


@require_POST
@for_members
def put_stock_away(request: MemberRequest, pk: int) -> HttpResponse:
    row, form = _row(request, pk), EmptyForm(request.POST)
    status = attempt(form, lambda: stocking.put_away(request.user, pk))
    if status is not None:
        return _row_page(request, _row(request, pk), StockForm(None, row.brand, row), status, refused=form)
    messages.success(
        request, _("“%(name)s” is put away. What was written with it stays.") % {"name": row.name}
    )
    return redirect("compose_stock")


def _row_page(
    request: MemberRequest, row: Snippet, form: StockForm, status: int = 200, **more: Any
) -> HttpResponse:
    may_keep = stocking.may_keep(request.user, row.brand)
    context = {
        "row": row,
        "told": _rows(row.brand, [row])[0],
        "writers": [one.name for one in row.writers.order_by("pk")],
        "form": form,
        "stale": status == Stale.status,
        "may_keep": may_keep,
        "keepers": [] if may_keep else [user.name for user in stocking.keepers(row.brand)],
        **more,
    }
    return render(request, "desk/stock/snippet.html", context, status=status)
