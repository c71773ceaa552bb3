"""People and memberships in the admin panel: invited, deactivated, sent a link; never given a password."""

from __future__ import annotations

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from accounts.models import ApiToken, Membership, User
from accounts.tokens import make_token
from journal.models import Entry
from tests.admin.conftest import Act, signed_in
from tests.staging import House

INVITE = "admin:accounts_membership_add"
PEOPLE = "admin:accounts_user_change"


@pytest.fixture(autouse=True)
def mailbox(settings: object) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"  # type: ignore[attr-defined]


def verbs() -> list[str]:
    return list(Entry.objects.order_by("pk").values_list("verb", flat=True))


def test_inviting_makes_a_member_without_a_password_and_sends_the_link(client: Client, house: House):
    given = {"brand": house.brand.pk, "email": "lea@example.org", "name": "Léa", "title": "alternante"}
    assert client.get(reverse(INVITE)).status_code == 200
    assert client.post(reverse(INVITE), given).status_code == 302
    member = Membership.objects.select_related("user").get(user__email="lea@example.org")
    assert (member.title, member.is_owner, member.is_active) == ("alternante", False, True)
    assert not member.user.has_usable_password()
    assert [one.to for one in mail.outbox] == [["lea@example.org"]]
    assert verbs()[-2:] == ["member.invite", "account.reset_link"]


def test_what_the_verb_refuses_stands_at_its_field_and_keeps_what_was_typed(client: Client, house: House):
    answer = client.post(reverse(INVITE), {"brand": house.brand.pk, "email": "nobody", "name": "Léa"})
    assert answer.status_code == 200
    assert "email" in answer.context["form"].errors
    assert "Léa" in answer.content.decode()
    answer = client.post(
        reverse(INVITE), {"brand": house.brand.pk, "email": house.ines.email, "name": "Inès"}
    )
    assert "already a member" in answer.content.decode()
    assert "member.invite" not in verbs()


def test_an_owner_invites_into_their_brand_only(house: House, client: Client):
    User.objects.filter(pk=house.olga.pk).update(is_staff=True)
    User.objects.filter(pk=house.nadia.pk).update(is_staff=True)
    olga, nadia = signed_in(house.olga), signed_in(house.nadia)
    assert nadia.get(reverse(INVITE)).status_code == 403
    given = {"brand": house.brand.pk, "email": "lea@example.org", "name": "Léa"}
    assert olga.post(reverse(INVITE), {**given, "brand": house.brand.pk + 1}).status_code == 200
    assert olga.post(reverse(INVITE), given).status_code == 302
    assert Membership.objects.filter(user__email="lea@example.org").count() == 1


def test_a_membership_is_deactivated_and_not_deleted(act: Act, house: House):
    member = Membership.objects.get(user=house.ines)
    before = house.brand.standing
    assert "no longer a member" in act("accounts_membership", "deactivate", member)[0]
    member.refresh_from_db()
    house.brand.refresh_from_db()
    assert member.is_active is False
    assert house.brand.standing > before
    assert verbs()[-1] == "member.deactivate"
    assert "already inactive" in act("accounts_membership", "deactivate", member)[0]


def test_the_last_owner_stays(act: Act, house: House):
    member = Membership.objects.get(user=house.olga)
    assert "needs an owner" in act("accounts_membership", "deactivate", member)[0]
    member.refresh_from_db()
    assert member.is_active


def test_an_account_is_closed_for_all_brands(act: Act, house: House):
    assert "closed" in act("accounts_user", "close_accounts", house.ines)[0]
    house.ines.refresh_from_db()
    assert house.ines.is_active is False
    assert verbs()[-1] == "account.deactivate"


def test_nobody_closes_their_own_account(act: Act, root: User):
    assert "not their own" in act("accounts_user", "close_accounts", root)[0]
    root.refresh_from_db()
    assert root.is_active


def test_a_reset_link_is_sent_and_the_password_is_the_persons_own(act: Act, house: House):
    password = house.ines.password
    assert "was sent" in act("accounts_user", "send_links", house.ines)[0]
    member = Membership.objects.get(user=house.ines)
    assert "was sent" in act("accounts_membership", "send_links", member)[0]
    assert [one.to for one in mail.outbox] == [[house.ines.email]] * 2
    house.ines.refresh_from_db()
    assert house.ines.password == password
    assert verbs()[-2:] == ["account.reset_link"] * 2


def test_a_closed_account_gets_no_link(act: Act, house: House):
    User.objects.filter(pk=house.ines.pk).update(is_active=False)
    assert "No link could be sent" in act("accounts_user", "send_links", house.ines)[0]
    assert mail.outbox == []


def test_access_to_the_panel_is_given_and_told(client: Client, house: House):
    given = {"is_staff": "on", "user_permissions": []}
    assert client.post(reverse(PEOPLE, args=[house.victor.pk]), given).status_code == 302
    house.victor.refresh_from_db()
    assert (house.victor.is_staff, house.victor.is_superuser) == (True, False)
    assert Entry.objects.get(verb="account.access").data["is_staff"] is True


def test_the_queues_permission_is_among_what_is_given(client: Client, house: House):
    page = client.get(reverse(PEOPLE, args=[house.victor.pk]))
    field = page.context["adminform"].form.fields["user_permissions"]
    [queues] = field.queryset.filter(content_type__app_label="django_rq")
    client.post(reverse(PEOPLE, args=[house.victor.pk]), {"is_staff": "on", "user_permissions": [queues.pk]})
    assert User.objects.get(pk=house.victor.pk).has_perm("django_rq.admin")
    assert Entry.objects.get(verb="account.access").data["permissions"] == ["django_rq.admin"]
    assert {one.codename.partition("_")[0] for one in field.queryset} == {"view", "admin"}


def test_what_may_be_seen_is_named_in_the_readers_language(client: Client, house: House):
    page = client.get(reverse(PEOPLE, args=[house.victor.pk]))
    with override("fr"):
        labels = [label for _key, label in page.context["adminform"].form.fields["user_permissions"].choices]
    assert {"Posts · envois", "Habilitations et avis · crises", "Ouvriers et files"} <= set(labels)
    # Nothing that has no page here, and nothing as Django names it in its tables.
    assert not [label for label in labels if "Can " in label or "session" in label]


def test_nobody_changes_their_own_access(client: Client, root: User):
    assert client.post(reverse(PEOPLE, args=[root.pk]), {"is_staff": ""}).status_code == 403
    root.refresh_from_db()
    assert root.is_staff


@pytest.mark.parametrize(
    "field", ["password", "password1", "email", "is_active", "same_person_as", "last_login"]
)
def test_no_form_sets_a_password_or_who_somebody_is(client: Client, house: House, field: str):
    page = reverse(PEOPLE, args=[house.ines.pk])
    assert f'name="{field}"' not in client.get(page).content.decode()
    before = User.objects.filter(pk=house.ines.pk).values(field if field != "password1" else "password").get()
    assert client.post(page, {field: "other@example.org", "is_staff": ""}).status_code == 302
    after = User.objects.filter(pk=house.ines.pk).values(field if field != "password1" else "password").get()
    assert after == before


def test_there_is_no_page_that_sets_anothers_password(client: Client, house: House):
    assert client.get(f"/admin/accounts/user/{house.ines.pk}/password/").status_code in {302, 404}
    answer = client.post(
        f"/admin/accounts/user/{house.ines.pk}/password/", {"password1": "x", "password2": "x"}
    )
    assert answer.status_code in {302, 404}
    house.ines.refresh_from_db()
    assert not house.ines.has_usable_password()


def test_a_token_is_listed_without_its_hash_and_revoked(client: Client, act: Act, house: House):
    clear = make_token(house.ines, house.brand, ["read"], "laptop")
    token = ApiToken.objects.get()
    page = client.get(reverse("admin:accounts_apitoken_changelist")).content.decode()
    detail = client.get(reverse("admin:accounts_apitoken_change", args=[token.pk])).content.decode()
    for shown in (page, detail):
        assert "laptop" in shown
        assert token.digest not in shown
        assert clear not in shown
    act("accounts_apitoken", "revoke", token)
    token.refresh_from_db()
    assert token.revoked_at is not None
    assert verbs()[-1] == "token.revoke"
    assert "already revoked" in act("accounts_apitoken", "revoke", token)[0]
