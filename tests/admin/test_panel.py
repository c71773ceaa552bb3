"""The panel as a place: who gets in, RQ's pages by permission, bounded lists, a strict policy for scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import label_for_field
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise

from accounts.models import User
from tests.admin.conftest import signed_in
from tests.admin.filling import SECRET, fill
from tests.staging import House

PAGES = sorted(admin.site._registry, key=lambda model: model._meta.label)
QUEUES = "/admin/rq/"


OURS = ("accounts", "posts", "approvals", "journal", "publishing")
EVERY = [model for app in OURS for model in apps.get_app_config(app).get_models()]


def changelist(model: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def test_a_stranger_signs_in_where_everybody_does(db: None):
    answer = Client().get("/admin/posts/post/?q=lampe", follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/login/?next=/admin/posts/post/%3Fq%3Dlampe"
    assert answer.status_code == 200
    away = Client().get("/admin/login/?next=https://evil.example/")
    assert away["Location"] == "/accounts/login/?next=/admin/"


def test_staff_only(house: House, client: Client, sam: User):
    assert signed_in(house.nadia).get("/admin/", follow=True).status_code == 403
    assert signed_in(sam).get("/admin/").status_code == 200
    page = client.get("/admin/").content.decode()
    assert "CM Queue" in page
    assert QUEUES in page


def test_ones_own_password_is_changed_where_everybody_does(client: Client):
    assert client.get("/admin/password_change/")["Location"] == "/accounts/password/change/"
    assert client.post("/admin/password_change/", {"new_password1": "x"}).status_code == 302


@pytest.mark.parametrize("page", ["", "queues/0/", "workers/0/", "stats.json", "queues/0/empty/"])
def test_rqs_pages_open_by_permission(page: str, client: Client, sam: User, house: House):
    assert Client().get(QUEUES + page)["Location"].startswith("/accounts/login/")
    assert signed_in(house.nadia).get(QUEUES + page).status_code == 403
    assert signed_in(sam).get(QUEUES + page).status_code == 403
    assert client.get(QUEUES + page).status_code == 200
    sam.user_permissions.add(Permission.objects.get(content_type__app_label="django_rq", codename="admin"))
    assert signed_in(sam).get(QUEUES + page).status_code == 200


def counted(client: Client) -> dict[str, tuple[int, int]]:
    """For each list: rows shown, queries made."""
    found = {}
    for model in PAGES:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(changelist(model))
        assert answer.status_code == 200, model
        found[model._meta.label] = (len(answer.context["cl"].result_list), len(queries))
    return found


@pytest.mark.slow
def test_every_list_makes_as_many_queries_for_thirty_rows_as_for_three(
    client: Client, desk: House, root: User
):
    fill(desk, root, 3)
    few = counted(client)
    fill(desk, root, 30)
    many = counted(client)
    assert {label for label, (rows, _queries) in few.items() if rows < 3} == set()
    assert {label for label, (rows, _queries) in many.items() if rows < 30} == set()
    assert {label: queries for label, (_rows, queries) in many.items()} == {
        label: queries for label, (_rows, queries) in few.items()
    }
    assert max(queries for _rows, queries in many.values()) <= 15


def test_pages_need_no_inline_script_or_style(client: Client, desk: House):
    post = desk.submitted()
    places = [
        "/admin/",
        *(changelist(model) for model in PAGES),
        reverse("admin:posts_post_change", args=[post.pk]),
        reverse("admin:accounts_brand_change", args=[desk.brand.pk]),
        reverse("admin:accounts_user_change", args=[desk.ines.pk]),
        reverse("admin:accounts_membership_add"),
        reverse("admin:accounts_brand_add"),
    ]
    for place in places:
        answer = client.get(place)
        page = answer.content.decode()
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", page), place
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page), place


def test_every_detail_page_opens_in_french(client: Client, desk: House, root: User):
    fill(desk, root, 1)
    for model in PAGES:
        row = model._default_manager.order_by("-pk").first()
        assert row is not None, model
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        with translation.override("fr"):
            assert client.get(reverse(name, args=[row.pk])).status_code == 200, model


@pytest.mark.parametrize("model", PAGES, ids=lambda model: model.__name__)
def test_every_column_has_words_to_translate(model: Any, client: Client, root: User):
    page = admin.site._registry[model]
    for name in {*page.list_display, *(page.fields or ())} - {"__str__"}:
        words = label_for_field(name, model, page, return_attr=True)[0]
        assert isinstance(words, Promise), f"{model.__name__}.{name}"


@pytest.mark.parametrize("model", EVERY, ids=lambda model: model.__name__)
def test_every_model_is_found_and_searched(model: Any, client: Client):
    assert admin.site.is_registered(model), "register it in the admin panel"
    page = admin.site.get_model_admin(model)
    assert page.search_fields
    assert client.get(changelist(model), {"q": "12 lampe"}).status_code == 200


def test_every_model_has_a_name_to_translate():
    for model in EVERY:
        assert isinstance(model._meta.verbose_name, Promise), model
        assert isinstance(model._meta.verbose_name_plural, Promise), model


def test_no_secret_is_on_any_page(client: Client, desk: House, root: User):
    fill(desk, root, 1)
    for model in EVERY:
        row = model._default_manager.order_by("-pk").first()
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        for place in (changelist(model), reverse(name, args=[row.pk])):
            assert SECRET not in client.get(place).content.decode(), place


def test_every_filter_filters(client: Client, desk: House, root: User):
    fill(desk, root, 1)
    for model in PAGES:
        for spec in client.get(changelist(model)).context["cl"].filter_specs:
            page = client.get(changelist(model)).context["cl"]
            for choice in spec.choices(page):
                query = str(choice["query_string"])
                assert client.get(changelist(model) + query).status_code == 200, f"{model} {query}"


def test_links_between_rows_lead_to_what_hangs_on_them(client: Client, desk: House, root: User):
    fill(desk, root, 2)
    for model in PAGES:
        row = model._default_manager.order_by("pk").first()
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
        page = client.get(reverse(name, args=[row.pk]))
        for address, _words in page.context["leads"]:
            answer = client.get(address)
            assert answer.status_code == 200, address
    post = desk.submitted()
    page = client.get(reverse("admin:posts_post_change", args=[post.pk]))
    places = {address.partition("?")[0]: address for address, _words in page.context["leads"]}
    deliveries = client.get(places[reverse("admin:posts_delivery_changelist")])
    assert [one.post_id for one in deliveries.context["cl"].result_list] == [post.pk]
    entries = client.get(places[reverse("admin:journal_entry_changelist")])
    assert {one.post_id for one in entries.context["cl"].result_list} == {post.pk}
