"""What a brand sells, in the admin panel: to read. The posts themselves, whose story takes every app,
are in `cm_queue/admin.py`."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import BrandFilter, Shown
from posts.models import Product


@admin.register(Product)
class ProductAdmin(Shown):
    list_display = fields = ("name", "key", "brand")
    list_select_related = ("brand",)
    list_filter = (BrandFilter,)
    search_fields = ("name", "key")
    ordering = ("brand__name", "name")
