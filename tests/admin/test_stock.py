"""Templates and snippets in the admin panel: found, read, put away through the verb."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from approvals import stocking
from journal.models import Entry
from posts.models import Snippet
from tests.admin.conftest import Act, signed_in
from tests.staging import House

LIST = "admin:posts_snippet_changelist"


def kept(desk: House, name: str, *, whole: bool = True) -> Snippet:
    return stocking.add(desk.olga, desk.brand, {"name": name, "whole": whole, "text": f"{name}, [jour]."})


def listed(client: Client, **query: str) -> list[str]:
    answer = client.get(reverse(LIST), query)
    assert answer.status_code == 200
    return [row.name for row in answer.context["cl"].result_list]


def test_it_is_found_by_name_words_and_whether_it_is_kept(client: Client, desk: House):
    first, second = kept(desk, "Retour"), kept(desk, "Horaires", whole=False)
    assert listed(client) == ["Retour", "Horaires"]
    assert listed(client, q="horair") == ["Horaires"]
    assert listed(client, whole__exact="1") == ["Retour"]
    stocking.put_away(desk.olga, second.pk)
    assert listed(client, open="yes") == ["Retour"]
    assert listed(client, open="no") == ["Horaires"]
    page = client.get(reverse("admin:posts_snippet_change", args=[first.pk])).content.decode()
    assert "Retour, [jour]." in page
    assert 'name="text"' not in page


def test_it_is_put_away_by_whoever_may_on_the_desk(client: Client, desk: House, act: Act):
    row = kept(desk, "Retour")
    desk.ines.is_staff = True
    desk.ines.save(update_fields=["is_staff"])
    desk.ines.user_permissions.set(Permission.objects.filter(codename="view_snippet"))
    assert "Retour" in listed(signed_in(desk.ines))[0]
    act("posts_snippet", "put_away", row, by=signed_in(desk.ines))
    assert Snippet.objects.get().retired_at is None
    act("posts_snippet", "put_away", row)
    assert Snippet.objects.get().retired_at is None, (
        "whoever runs the place is no keeper of the brand's words"
    )
    desk.olga.is_staff = True
    desk.olga.save(update_fields=["is_staff"])
    desk.olga.user_permissions.set(Permission.objects.filter(codename="view_snippet"))
    act("posts_snippet", "put_away", row, by=signed_in(desk.olga))
    assert Snippet.objects.get().retired_at is not None
    assert Entry.objects.get(verb="snippet.put_away").actor == desk.olga
