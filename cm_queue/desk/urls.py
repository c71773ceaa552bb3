"""The pages of the whole post. One line a page or verb; views live beside this file."""

from __future__ import annotations

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
