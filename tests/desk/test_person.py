"""A person's page: what they hold, whose word is waited for, and every verb as a form."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import Absence, Brand, Membership, User
from approvals.expertise import level_of, revoke
from approvals.granting import Evidence, Proposal, propose
from approvals.models import Credential, CredentialState, SecondLook
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from tests.approvals.working import accepted
from tests.casting import Cast, fresh
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db


def words(answer: Any) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())))


def page(client: Client, user: User, status: int = 200) -> str:
    answer = client.get(reverse("people_person", args=[user.pk]))
    assert answer.status_code == status
    return words(answer)


def act(client: Client, verb: str, pk: int, status: int = 302, **fields: Any) -> str:
    answer = client.post(reverse(f"people_{verb}", args=[pk]), fields)
    assert answer.status_code == status, words(answer)
    return words(answer)


def proposed(cast: Cast, by: str, who: str, domain: str = "company", level: int = 1) -> Credential:
    wanted = Proposal(cast.people[who], domain, level, [Evidence("Ses posts de mai.")])
    return propose(cast.people[by], cast.brand, wanted)


def test_what_somebody_holds_and_what_it_rests_on(cast: Cast):
    html = page(enter(cast, "ines"), cast.nadia)
    assert "Founding grant of" in html
    assert "by Olga" in html
    assert "0 acts in the last 90 days, of 3" in html
    assert "Constaté à la fondation" in html
    assert "Revoke" not in html
    assert "Propose Nadia" not in html
    assert "Propose Inès" in page(enter(cast, "nadia"), cast.ines)


def test_progress_in_plain_words(cast: Cast):
    Brand.objects.filter(pk=cast.brand.pk).update(accepted_to_entrust=4)
    accepted(cast, 1, by="nadia")
    html = page(enter(cast, "ines"), cast.ines)
    assert "1 of 4 accepted posts" in html
    assert "Still missing: 3 more accepted posts, and one more mentor." in html
    assert "100 % accepted, of at least 85." in html


def test_proposed_and_confirmed(cast: Cast):
    given = {"domain": "company", "level": "1", "evidence": "Ses posts de mai.", "elsewhere": ""}
    act(enter(cast, "nadia"), "propose", cast.ines.pk, **given)
    made = Credential.objects.get(state=CredentialState.PROPOSED)
    people = words(enter(cast, "hugo").get(reverse("people")))
    assert "Your word is waited for." in people
    html = page(enter(cast, "hugo"), cast.ines)
    assert "Nadia vouches for it." in html
    assert "Hugo could confirm it." in html
    act(enter(cast, "hugo"), "confirm", made.pk)
    assert level_of(cast.ines, cast.brand, "company") == 1


def test_case_33_mutual_or_own_endorsement(cast: Cast):
    """The page does not offer it, and refuses it to whoever asks all the same."""
    given = {"domain": "topic:legal", "level": "1", "evidence": "Vu.", "elsewhere": ""}
    assert "Propose Nadia" not in page(enter(cast, "nadia"), cast.nadia)
    act(enter(cast, "nadia"), "propose", cast.nadia.pk, 422, **given)
    made = proposed(cast, "hugo", "victor", "company", 3)
    assert "Nobody grants expertise to themselves." in act(enter(cast, "victor"), "confirm", made.pk, 403)
    proposed(cast, "nadia", "hugo", "topic:legal")
    back = proposed(cast, "victor", "nadia", "crisis")
    assert "Confirm" not in page(enter(cast, "hugo"), cast.nadia)
    assert "two people do not vouch for each other" in act(enter(cast, "hugo"), "confirm", back.pk, 403)
    assert "vouched for this already" in act(enter(cast, "victor"), "confirm", back.pk, 409)
    back.refresh_from_db()
    assert back.state == CredentialState.PROPOSED


def test_what_was_typed_comes_back_with_what_is_wrong(cast: Cast):
    given = {"domain": "company", "level": "2", "evidence": "Chez le voisin.", "elsewhere": "5"}
    html = act(enter(cast, "nadia"), "propose", cast.ines.pk, 422, **given)
    assert "shown in the house, not elsewhere" in html
    assert "Chez le voisin." in html
    html = act(enter(cast, "nadia"), "propose", cast.ines.pk, 422, **{**given, "evidence": ""})
    assert not Credential.objects.filter(state=CredentialState.PROPOSED).exists()


def test_not_there_yet_is_said_beside_the_proposal(cast: Cast):
    made = proposed(cast, "nadia", "ines", "craft", 2)
    html = act(enter(cast, "hugo"), "confirm", made.pk, 409)
    assert "Inès is not there yet: 20 more accepted posts, and 2 more mentors." in html


def test_turned_down(cast: Cast):
    made = proposed(cast, "nadia", "ines")
    act(enter(cast, "hugo"), "decline", made.pk, reason="Un peu tôt.")
    assert "declined" in page(enter(cast, "ines"), cast.ines)


def test_suspended_and_reinstated(cast: Cast):
    row = cast.credentials("nadia", "company").get()
    client = enter(cast, "hugo")
    assert "This field is required." in act(client, "suspend", row.pk, 422, cause="")
    act(client, "suspend", row.pk, cause="Un doute.")
    html = page(client, cast.nadia)
    assert "suspended" in html
    assert "Un doute. (Hugo)" in html
    act(enter(cast, "nadia"), "reinstate", row.pk, 403, note="Moi-même.")
    act(client, "reinstate", row.pk, note="Levé.")
    assert level_of(cast.nadia, cast.brand, "company") == 3


def test_renewed_on_practice(cast: Cast):
    row = cast.credentials("nadia", "company").get()
    assert "0 acts in the last 90 days, of 3" in act(enter(cast, "olga"), "renew", row.pk, 409, note="Vu.")
    accepted(cast, 3, by="nadia")
    act(enter(cast, "olga"), "renew", row.pk, note="Vu.")
    row.refresh_from_db()
    assert row.state == CredentialState.REPLACED


def test_practice_confirmed_after_a_lapse(cast: Cast):
    row = cast.credentials("nadia", "company").get()
    Credential.objects.filter(pk=row.pk).update(state=CredentialState.LAPSED, ended_at=database_now())
    assert "Confirm recent practice" not in page(enter(cast, "olga"), cast.nadia)
    assert "Confirm recent practice" in page(enter(cast, "hugo"), cast.nadia)
    act(enter(cast, "hugo"), "practice", row.pk, note="Trois semaines de presse.")
    assert level_of(cast.nadia, cast.brand, "company") == 3


def test_revoked_from_a_day_with_what_is_out_to_be_looked_at(cast: Cast):
    waits, public = cast.approved(), cast.approved()
    Post.objects.filter(pk=public.pk).update(state=PostState.PUBLISHED.value)
    Delivery.objects.filter(post=public).update(
        state=DeliveryState.DELIVERED.value, delivered_at=database_now()
    )
    row = cast.credentials("nadia", "company").get()
    day = (database_now() - timedelta(days=2)).date().isoformat()
    act(enter(cast, "olga"), "revoke", row.pk, cause="Des faits inventés.", since=day)
    row.refresh_from_db()
    assert row.ended_at is not None
    assert row.ended_at.astimezone(cast.brand.zone).isoformat().startswith(f"{day}T00:00:00")
    assert fresh(waits).lifecycle == PostState.HELD
    people = words(enter(cast, "victor").get(reverse("people")))
    assert "To look at again" in people
    assert "Des faits inventés." in people
    look = SecondLook.objects.get()
    act(enter(cast, "ines"), "look", look.pk, word="Bof.")
    look.refresh_from_db()
    assert look.looked_at is None
    act(enter(cast, "victor"), "look", look.pk, word="Vérifié dans la notice.")
    assert "To look at again" not in words(enter(cast, "victor").get(reverse("people")))


def test_absences(cast: Cast):
    today = database_now().astimezone(cast.brand.zone).date().isoformat()
    act(enter(cast, "marc"), "away", cast.sofia.pk, 403, first_day=today, last_day=today)
    html = act(enter(cast, "sofia"), "away", cast.sofia.pk, 422, first_day=today, last_day="2020-01-01")
    assert "An absence ends on its first day or later." in html
    act(enter(cast, "sofia"), "away", cast.sofia.pk, first_day=today, last_day=today)
    made = Absence.objects.get()
    act(enter(cast, "marc"), "come_back", made.pk, 403)
    act(enter(cast, "sofia"), "come_back", made.pk)
    assert not Absence.objects.exists()


def test_two_accounts_are_linked_by_an_owner(cast: Cast):
    twin = cast.member("ines2")
    assert "Link another account" not in page(enter(cast, "nadia"), cast.ines)
    act(enter(cast, "nadia"), "link", cast.ines.pk, 422, account=twin.pk)
    act(enter(cast, "olga"), "link", cast.ines.pk, account=twin.pk)
    twin.refresh_from_db()
    assert twin.person_id == cast.ines.pk
    assert "ines2@" in page(enter(cast, "olga"), cast.ines)


def test_nothing_of_another_brand_is_seen_or_touched(cast: Cast):
    row = cast.credentials("nadia", "company").get()
    made = proposed(cast, "nadia", "ines")
    stranger = enter(cast, "stranger")
    assert stranger.get(reverse("people_person", args=[cast.nadia.pk])).status_code == 404
    for verb, pk in (
        ("propose", cast.ines.pk), ("away", cast.ines.pk), ("link", cast.ines.pk), ("confirm", made.pk),
        ("decline", made.pk), ("renew", row.pk), ("practice", row.pk), ("suspend", row.pk),
        ("reinstate", row.pk), ("revoke", row.pk), ("look", 1), ("come_back", 1),
    ):  # fmt: skip
        act(
            stranger,
            verb,
            pk,
            404,
            cause="x",
            note="x",
            word="x",
            first_day="2026-12-01",
            last_day="2026-12-01",
        )
        assert enter(cast, "nadia").get(reverse(f"people_{verb}", args=[pk])).status_code == 405
    row.refresh_from_db()
    assert row.state == CredentialState.ACTIVE


def test_more_credentials_ask_no_more_of_the_database(cast: Cast):
    client = enter(cast, "hugo")
    counts = []
    for _again in range(2):
        with CaptureQueriesContext(connection) as queries:
            page(client, cast.marc)
        counts.append(len(queries))
        for domain in ("topic:legal", "topic:client", "crisis"):
            cast.grant("marc", domain, 1)
    assert counts[0] == counts[1]


# --- Founding ---------------------------------------------------------------------------------------
@pytest.fixture
def new(db: None) -> Brand:
    brand = Brand.objects.create(slug="neuve", name="Neuve")
    for name, owner in (("patronne", True), ("lea", False), ("tom", False)):
        user = User.objects.create_user(f"{name}@neuve.example", None, name=name.title(), language="en")
        Membership.objects.create(brand=brand, user=user, is_owner=owner)
    return brand


def lines(*grants: tuple[int, str, str, str]) -> dict[str, str]:
    given = {"form-TOTAL_FORMS": "12", "form-INITIAL_FORMS": "0"}
    for number, (person, domain, level, evidence) in enumerate(grants):
        for name, value in zip(
            ("person", "domain", "level", "evidence"), (person, domain, level, evidence), strict=True
        ):
            given[f"form-{number}-{name}"] = str(value)
    return given


def test_an_owner_of_a_new_brand_founds_it(new: Brand):
    patronne, lea = (User.objects.get(email=f"{name}@neuve.example") for name in ("patronne", "lea"))
    client, other = Client(), Client()
    client.force_login(patronne)
    other.force_login(lea)
    found = reverse("people_found")
    assert other.get(found).status_code == 403
    assert found in client.get(reverse("people")).content.decode()
    assert client.get(found).status_code == 200
    assert client.post(found, lines()).status_code == 422
    assert client.post(found, lines((lea.pk, "craft", "3", ""))).status_code == 422
    assert client.post(found, lines((patronne.pk, "craft", "3", "Vu."))).status_code == 422
    assert not Credential.objects.exists()
    given = lines((lea.pk, "craft", "3", "Cinq ans ici."), (lea.pk, "channel:mastodon", "2", "Vu."))
    assert client.post(found, given).status_code == 302
    assert set(Credential.objects.values_list("domain", "level", "founding")) == {
        ("craft", 3, True),
        ("channel:mastodon", 2, True),
    }
    assert client.get(found).status_code == 302
    assert revoke(patronne, Credential.objects.get(domain="craft").pk, "Essai.").state == "REVOKED"
