"""Routes on who may: me, people and their expertise, coverage, the policy's versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Router

from accounts.clock import database_now
from accounts.models import Absence, Brand, Membership, User
from accounts.policies import demand_owner, membership_in
from accounts.refusals import Invalid, NotHere
from approvals.expertise import in_force, revoke
from approvals.inviting import link
from approvals.models import Credential, Policy, PolicyState
from approvals.policy import Rules, read_rules, rule_for
from cm_queue.api import shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import LinkIn, RevokeIn
from cm_queue.api.calling import Manage, Read, brand_named, caller, demand_here, token_of
from cm_queue.api.paging import Cursor, Limit, by_id
from posts.scheduling import read_instant

router = Router(tags=["people"])


def _credential(row: Credential) -> shapes.Credential:
    """`row` with its user."""
    return {
        "id": row.pk,
        "person": person(row.user),
        "domain": row.domain,
        "level": row.level,
        "state": row.state,
        "valid_from": instant(row.valid_from),
        "valid_until": instant_or_none(row.valid_until),
        "ended_at": instant_or_none(row.ended_at),
        "founding": row.founding,
    }


def _held(brand: Brand, people: Iterable[int] | None = None) -> dict[int, list[Credential]]:
    """What is in force now, by person (all of them, or these)."""
    rows = in_force(brand, database_now()).select_related("user").order_by("domain", "pk")
    if people is not None:
        rows = rows.filter(Q(user_id__in=people) | Q(user__same_person_as_id__in=people))
    found: dict[int, list[Credential]] = defaultdict(list)
    for row in rows:
        found[row.user.person_id].append(row)
    return found


@router.get("/me", response=shapes.Me, auth=Read())
def read_me(request: HttpRequest) -> shapes.Me:
    """The token's person, in the token's brand: what they hold, and until when."""
    token = token_of(request)
    me, membership = token.user, membership_in(token.user, token.brand)
    return {
        **person(me),
        "language": me.language,
        "time_zone": me.time_zone,
        "brands": [_brand(membership, token.brand)] if membership else [],
        "credentials": [_credential(row) for row in _held(token.brand, [me.person_id])[me.person_id]],
        "token": {"brand": token.brand.slug, "scopes": token.scopes, "expires_at": instant(token.expires_at)},
    }


def _brand(membership: Membership, brand: Brand) -> shapes.BrandOfMine:
    return {
        "slug": brand.slug,
        "name": brand.name,
        "time_zone": brand.time_zone,
        "language": brand.language,
        "title": membership.title,
        "is_owner": membership.is_owner,
    }


@router.get("/brands/{slug}/people", response=shapes.Page[shapes.Member], auth=Read())
def read_people(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Member]:
    """The brand's active members × domains."""
    brand = brand_named(request, slug)
    rows = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True).select_related("user")
    page, after = by_id(rows, cursor, limit)
    today = timezone.now().astimezone(brand.zone).date()
    absences = Absence.objects.filter(brand=brand, first_day__lte=today, last_day__gte=today)
    away = set(absences.values_list("user_id", flat=True))
    held = _held(brand, {row.user.person_id for row in page})
    return {"items": [_member(row, held[row.user.person_id], away) for row in page], "next": after}


def _member(row: Membership, held: list[Credential], away: set[int]) -> shapes.Member:
    domains: dict[str, int] = {}
    for one in held:
        domains[one.domain] = max(one.level, domains.get(one.domain, 0))
    return {
        **person(row.user),
        "title": row.title,
        "is_owner": row.is_owner,
        "absent": row.user_id in away,
        "domains": domains,
        "credentials": [_credential(one) for one in held],
    }


@router.get("/brands/{slug}/coverage", response=shapes.Page[shapes.Coverage], auth=Read())
def read_coverage(request: HttpRequest, slug: str) -> shapes.Page[shapes.Coverage]:
    """What posts of each kind may require, on all of the brand's channels and products, by how many
    people can cover it: what nobody covers comes first."""
    brand = brand_named(request, slug)
    policy = Policy.objects.filter(brand=brand, state=PolicyState.ACTIVE).first()
    items = _coverage(brand, read_rules(policy.rules)) if policy else []
    return {"items": sorted(items, key=lambda one: one["able"] - one["needed"]), "next": None}


def _coverage(brand: Brand, rules: Rules) -> list[shapes.Coverage]:
    networks = list(brand.channels.filter(is_active=True).values_list("network", flat=True))
    products = list(brand.products.values_list("key", flat=True))
    topics = [key.removeprefix("topic:") for key in rules.facets]
    members = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    present = {row.user.person_id: row.user for row in members.select_related("user")}
    held = _held(brand)
    items: list[shapes.Coverage] = []
    for kind in rules.kinds:
        rule = rule_for(rules, kind.value, networks, products, topics)
        for one in rule.requirements if rule else ():
            able = [
                user
                for number, user in present.items()
                if any(row.domain == one.domain and row.level >= one.level for row in held[number])
            ]
            items.append(
                {
                    "kind": kind.value,
                    "domain": one.domain,
                    "level": one.level,
                    "needed": one.n,
                    "able": len(able),
                    "people": [person(user) for user in able],
                }
            )
    return items


@router.get("/brands/{slug}/policy", response=shapes.Page[shapes.Policy], auth=Read())
def read_policy(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Policy]:
    """The policy's versions, newest first."""
    rows = Policy.objects.filter(brand=brand_named(request, slug))
    known = rows.select_related("proposed_by", "confirmed_by")
    page, after = by_id(known, cursor, limit, newest_first=True)
    return {"items": [_policy(row) for row in page], "next": after}


def _policy(row: Policy) -> shapes.Policy:
    return {
        "id": row.pk,
        "number": row.number,
        "state": row.state,
        "rules": row.rules,
        "reason": row.reason,
        "proposed_by": person(row.proposed_by) if row.proposed_by else None,
        "proposed_at": instant(row.proposed_at),
        "confirmed_by": person(row.confirmed_by) if row.confirmed_by else None,
        "confirmed_at": instant_or_none(row.confirmed_at),
    }


@router.post("/people/{int:pk}/link", response=shapes.LinkedPerson, auth=Manage())
def link_person(request: HttpRequest, pk: int, body: LinkIn) -> shapes.LinkedPerson:
    """An owner says that two accounts of the brand are one person: the gate then counts one."""
    brand = token_of(request).brand
    demand_owner(caller(request), brand)
    first = _account(brand, Q(pk=pk))
    if body.account is None and not body.email:
        sentence = _("Say which account: by its id, or by its e-mail address.")
        raise Invalid("account_needed", sentence, fields={"account": [sentence]})
    second = _account(brand, Q(pk=body.account) if body.account else Q(email=body.email.strip().lower()))
    link(caller(request), brand, first, second)
    root = User.objects.get(pk=User.objects.get(pk=first.pk).person_id)
    accounts = User.objects.filter(Q(pk=root.pk) | Q(same_person_as=root)).order_by("pk")
    return {**person(root), "accounts": [person(user) for user in accounts]}


def _account(brand: Brand, which: Q) -> User:
    """An account that is, or was, a member. Raises NotHere: an owner speaks for their own brand only."""
    user = User.objects.filter(which, memberships__brand=brand).first()
    if user is None:
        raise NotHere("no_such_person", _("There is no such person in this brand."))
    return user


@router.post("/credentials/{int:pk}/revoke", response=shapes.Credential, auth=Manage())
def revoke_credential(request: HttpRequest, pk: int, body: RevokeIn) -> shapes.Credential:
    """Takes expertise back for a cause, from now or from a past date: what rested on it no longer counts."""
    brand_id = Credential.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_credential", _("There is no such credential."))
    since = read_instant(body.since, token_of(request).brand.zone, "since") if body.since else None
    return _credential(revoke(caller(request), pk, body.cause, since))
