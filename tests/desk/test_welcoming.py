"""People by invitation: one link, one address, once, for seven days; and every way around it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth import SESSION_KEY as SIGNED_IN
from django.core import signing
from django.db.models import F
from django.test import Client
from django.urls import reverse

from accounts.models import Invitation, Membership, User
from accounts.refusals import Forbidden, NotHere, Refused
from approvals.welcoming import accept, ask_in, withdraw_invitation
from journal.models import Entry, Notice
from tests.casting import Cast, missing
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
INVITE, SIGN_UP = reverse("people_invite"), reverse("account_signup")
ADDRESS = "lea@example.org"
PASSWORD = "souffler-le-verre-9"


def visitor() -> Client:
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def link_in(outbox: list[Any]) -> str:
    found = re.search(rf"{re.escape(settings.BASE_URL)}(/invitation/\S+/)", outbox[-1].body)
    assert found, outbox[-1].body
    return found[1]


def asked(cast: Cast, email: str = ADDRESS, **more: Any) -> str:
    _row, token = ask_in(cast.olga, cast.brand, email, "Léa", **more)
    return reverse("invitation", args=[token])


def token_in(path: str) -> str:
    return path.strip("/").split("/", 1)[1]


def sign_up(client: Client, email: str = ADDRESS, password: str = PASSWORD) -> Any:
    given = {"email": email, "name": "Léa", "password1": password, "password2": password}
    return client.post(SIGN_UP, given)


def members(cast: Cast) -> set[str]:
    rows = Membership.objects.filter(brand=cast.brand, is_active=True)
    return set(rows.values_list("user__email", flat=True))


# --- The way that it is meant to go ------------------------------------------------------------------
def test_somebody_new_is_asked_signs_up_and_is_here(cast: Cast, mailoutbox: list[Any]):
    answer = enter(cast, "olga").post(
        INVITE, {"email": " Lea@Example.org", "name": "Léa", "title": "stagiaire"}
    )
    assert answer.status_code == 302
    assert (mailoutbox[-1].to, ADDRESS in members(cast)) == ([ADDRESS], False)
    client, link = visitor(), link_in(mailoutbox)
    page = client.get(link)
    assert page.status_code == 200
    assert "Open an account and join" in page.content.decode()
    assert client.post(link)["Location"] == SIGN_UP
    form = client.get(SIGN_UP).content.decode()
    assert 'value="lea@example.org"' in form
    answer = sign_up(client)
    assert answer.status_code == 302, answer.content.decode()
    lea = User.objects.get(email=ADDRESS)
    membership = Membership.objects.get(brand=cast.brand, user=lea)
    assert (lea.name, membership.title, membership.is_owner) == ("Léa", "stagiaire", False)
    assert EmailAddress.objects.get(user=lea).verified
    assert client.get(reverse("desk")).status_code == 200
    assert {"member.ask", "member.join"} <= set(Entry.objects.values_list("verb", flat=True))
    assert Notice.objects.filter(user=cast.olga, kind="member.join").exists()


def test_somebody_with_an_account_signs_in_and_joins(cast: Cast):
    link = asked(cast, cast.stranger.email)
    client = visitor()
    assert "Sign in and join" in client.get(link).content.decode()
    assert client.post(link)["Location"].startswith(reverse("account_login"))
    client.force_login(cast.stranger)
    assert client.post(link).status_code == 302
    assert cast.stranger.email in members(cast)
    assert Membership.objects.filter(user=cast.stranger).count() == 2
    assert "Maison Lumière" in client.get(reverse("desk")).content.decode(), "the desk of the brand joined"


def test_who_was_a_member_comes_back_as_invited_now(cast: Cast):
    Membership.objects.filter(brand=cast.brand, user=cast.nadia).update(is_active=False, is_owner=True)
    accept(cast.nadia, token_in(asked(cast, cast.nadia.email, title="pigiste")))
    row = cast.membership("nadia")
    assert (row.is_active, row.is_owner, row.title) == (True, False, "pigiste")


def test_a_look_by_a_mail_scanner_uses_nothing_up(cast: Cast):
    link = asked(cast)
    for _time in range(3):
        assert visitor().get(link).status_code == 200
    assert Invitation.objects.get().is_open


def test_an_owner_sees_who_has_not_come_and_sends_again_or_withdraws(cast: Cast, mailoutbox: list[Any]):
    client = enter(cast, "olga")
    client.post(INVITE, {"email": ADDRESS, "name": "Léa"})
    first = link_in(mailoutbox)
    assert ADDRESS in client.get(INVITE).content.decode()
    client.post(INVITE, {"email": ADDRESS, "name": "Léa"})
    second = link_in(mailoutbox)
    assert Invitation.objects.count() == 1
    assert visitor().get(first).status_code == 404, "the newest link is the only one"
    assert visitor().get(second).status_code == 200
    pk = Invitation.objects.get().pk
    assert client.post(reverse("withdraw_invitation", args=[pk])).status_code == 302
    assert visitor().get(second).status_code == 410
    assert ADDRESS not in client.get(INVITE).content.decode().split("h-asked", 1)[1]


def test_a_mail_that_does_not_leave_is_said_and_nothing_is_lost(cast: Cast, settings: Any):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    answer = enter(cast, "olga").post(INVITE, {"email": ADDRESS, "name": ""}, follow=True)
    assert "the mail could not be sent" in answer.content.decode()
    assert Invitation.objects.get().is_open


# --- Ways around it ------------------------------------------------------------------------------------
def test_without_an_invitation_nobody_signs_up(cast: Cast):
    client = visitor()
    assert "by invitation" in client.get(SIGN_UP).content.decode()
    sign_up(client)
    assert not User.objects.filter(email=ADDRESS).exists()


def forgeries(cast: Cast) -> dict[str, str]:
    token = token_in(asked(cast))
    pk, secret = signing.loads(token, salt="cm_queue.invitation")
    return {
        "nonsense": "abc",
        "cut": token[:-3],
        "another salt": signing.dumps([pk, secret], salt="else"),
        "another secret": signing.dumps([pk, "guessed"], salt="cm_queue.invitation"),
        "another row": signing.dumps([pk + 1, secret], salt="cm_queue.invitation"),
        "no pair": signing.dumps("x", salt="cm_queue.invitation"),
        "no number": signing.dumps(["x", secret], salt="cm_queue.invitation"),
    }


@pytest.mark.parametrize(
    "kind", ["nonsense", "cut", "another salt", "another secret", "another row", "no pair", "no number"]
)
def test_a_forged_link_is_none(cast: Cast, kind: str):
    token = forgeries(cast)[kind]
    path = reverse("invitation", args=[token])
    client = visitor()
    assert client.get(path).status_code == 404
    assert client.post(path).status_code == 404
    session = client.session
    session["invitation"] = token
    session.save()
    sign_up(client)
    assert not User.objects.filter(email=ADDRESS).exists()
    with pytest.raises(NotHere):
        accept(cast.stranger, token)


def test_a_link_opens_once(cast: Cast):
    link = asked(cast)
    first, second = visitor(), visitor()
    first.post(link)
    second.post(link)
    assert sign_up(first).status_code == 302
    sign_up(second)
    assert User.objects.filter(email=ADDRESS).count() == 1
    assert SIGNED_IN not in second.session
    assert visitor().get(link).status_code == 410
    with pytest.raises(Refused, match="used already"):
        accept(User.objects.get(email=ADDRESS), token_in(link))


def test_a_link_runs_out_after_seven_days(cast: Cast):
    link = asked(cast)
    row = Invitation.objects.get()
    assert row.expires_at - row.sent_at == timedelta(days=7)
    client = visitor()
    client.post(link)
    Invitation.objects.update(expires_at=F("sent_at"))
    assert "has run out" in visitor().get(link).content.decode()
    sign_up(client)
    assert not User.objects.filter(email=ADDRESS).exists(), "it ran out while the form was open"


def test_it_is_for_that_address_alone(cast: Cast):
    client = visitor()
    client.post(asked(cast))
    answer = sign_up(client, "somebody.else@example.org")
    assert answer.status_code == 200
    assert "another address than yours" in answer.content.decode()
    assert not User.objects.filter(email="somebody.else@example.org").exists()


def test_somebody_signed_in_as_another_person_is_told_and_nothing_happens(cast: Cast):
    link = asked(cast)
    client = enter(cast, "stranger")
    page = client.get(link)
    assert page.status_code == 403
    assert f"You are signed in as {cast.stranger.email}" in page.content.decode()
    assert client.post(link).status_code == 403
    assert Invitation.objects.get().is_open
    assert cast.stranger.email not in members(cast)


def test_an_address_typed_into_a_profile_proves_nothing(cast: Cast):
    token = token_in(asked(cast))
    EmailAddress.objects.create(user=cast.stranger, email=ADDRESS, verified=False)
    User.objects.filter(pk=cast.stranger.pk).update(email=ADDRESS)
    cast.stranger.refresh_from_db()
    with pytest.raises(Forbidden):
        accept(cast.stranger, token)


def test_an_owner_asks_into_their_own_brand_only(cast: Cast):
    with pytest.raises(Refused):
        ask_in(cast.stranger, cast.brand, ADDRESS)
    with pytest.raises(Forbidden):
        ask_in(cast.nadia, cast.brand, ADDRESS)
    assert enter(cast, "nadia").get(INVITE).status_code == 403
    assert enter(cast, "nadia").post(INVITE, {"email": ADDRESS}).status_code == 403


def test_another_brands_invitation_is_not_withdrawn_from_here(cast: Cast):
    row, token = ask_in(cast.stranger, cast.elsewhere, ADDRESS)
    assert enter(cast, "olga").post(reverse("withdraw_invitation", args=[row.pk])).status_code == 404
    with pytest.raises(NotHere):
        withdraw_invitation(cast.olga, row.pk)
    own, _token = ask_in(cast.olga, cast.brand, ADDRESS)
    with pytest.raises(Forbidden):
        withdraw_invitation(cast.nadia, own.pk)
    lea = User.objects.create_user(ADDRESS, None, name="Léa")
    accept(lea, token)
    assert ADDRESS not in members(cast), "a link leads into its own brand and no other"


def test_who_lost_the_brand_no_longer_lets_anybody_in(cast: Cast):
    token = token_in(asked(cast, is_owner=True))
    Membership.objects.filter(brand=cast.brand, user=cast.olga).update(is_owner=False)
    lea = User.objects.create_user(ADDRESS, None, name="Léa")
    with pytest.raises(Refused, match="no longer runs this brand"):
        accept(lea, token)
    assert ADDRESS not in members(cast)


def test_a_closed_account_and_a_member_are_not_asked(cast: Cast):
    with pytest.raises(Refused, match="already a member"):
        ask_in(cast.olga, cast.brand, cast.nadia.email)
    User.objects.filter(pk=cast.marc.pk).update(is_active=False)
    with pytest.raises(Refused, match="closed"):
        ask_in(cast.olga, cast.brand, cast.marc.email)


@pytest.mark.parametrize("email", ["", "lea", "lea@", "a@b\nBcc: c@d.example"])
def test_an_address_that_is_none_comes_back(cast: Cast, email: str, mailoutbox: list[Any]):
    answer = enter(cast, "olga").post(INVITE, {"email": email, "name": "Léa"})
    assert answer.status_code == 422
    assert 'value="Léa"' in answer.content.decode()
    assert not mailoutbox


def test_the_secret_is_stored_nowhere(cast: Cast):
    token = token_in(asked(cast))
    _pk, secret = signing.loads(token, salt="cm_queue.invitation")
    assert secret not in str(list(Invitation.objects.values()))
    assert secret not in str(list(Entry.objects.values()))


def test_being_in_opens_nothing_at_the_gate(cast: Cast):
    lea = User.objects.create_user(ADDRESS, None, name="Léa")
    accept(lea, token_in(asked(cast, is_owner=True)))
    cast.people["lea"] = lea
    post = cast.submitted()
    lacks = missing(post)
    cast.say("lea", post)
    assert lacks == missing(post) != {}
