"""Routes on who may: me, people and their expertise, coverage, the policy's versions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from accounts.clock import database_now
from accounts.models import Brand, Membership, User
from accounts.policies import demand_member, demand_owner, membership_in
from accounts.refusals import Invalid, NotHere
from approvals import ruling
from approvals.earning import board, juniors
from approvals.inviting import link
from approvals.levels import in_force
from approvals.models import Credential
from approvals.policy import Rules, rule_for
from approvals.routing import away_today
from cm_queue.api import people_shapes, shapes
from cm_queue.api.answers import instant, person
from cm_queue.api.bodies import LinkIn
from cm_queue.api.calling import Manage, Read, brand_named, caller, token_of
from cm_queue.api.credentials import credentials_of, progress_told
from cm_queue.api.paging import Cursor, Limit, by_id

router = Router(tags=["people"])


def _held(brand: Brand, people: Iterable[int] | None = None) -> dict[int, list[Credential]]:
    """What is in force now, by person (all of them, or these)."""
    rows = in_force(brand, database_now()).select_related("user").order_by("domain", "pk")
    if people is not None:
        rows = rows.filter(Q(user_id__in=people) | Q(user__same_person_as_id__in=people))
    found: dict[int, list[Credential]] = defaultdict(list)
    for row in rows:
        found[row.user.person_id].append(row)
    return found


@router.get("/me", response=people_shapes.Me, auth=Read())
def read_me(request: HttpRequest) -> people_shapes.Me:
    """The token's person, in the token's brand: what they hold, and until when."""
    token = token_of(request)
    me, membership = token.user, membership_in(token.user, token.brand)
    return {
        **person(me),
        "language": me.language,
        "time_zone": me.time_zone,
        "brands": [_brand(membership, token.brand)] if membership else [],
        "credentials": credentials_of(token.brand, _held(token.brand, [me.person_id])[me.person_id]),
        "token": {"brand": token.brand.slug, "scopes": token.scopes, "expires_at": instant(token.expires_at)},
    }


def _brand(membership: Membership, brand: Brand) -> people_shapes.BrandOfMine:
    return {
        "slug": brand.slug,
        "name": brand.name,
        "time_zone": brand.time_zone,
        "language": brand.language,
        "title": membership.title,
        "is_owner": membership.is_owner,
    }


@router.get("/brands/{slug}/people", response=shapes.Page[people_shapes.Member], auth=Read())
def read_people(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[people_shapes.Member]:
    """The brand's active members × domains."""
    brand = brand_named(request, slug)
    rows = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True).select_related("user")
    page, after = by_id(rows, cursor, limit)
    return {"items": _members(brand, page), "next": after}


def _members(brand: Brand, rows: Sequence[Membership]) -> list[people_shapes.Member]:
    """In a number of queries that people do not change. Progress is told of those who are entrusted with
    nothing yet; of anybody by `GET /people/{id}`."""
    people, now, away = {row.user.person_id for row in rows}, database_now(), away_today(brand)
    held = _held(brand, people)
    told = {one["id"]: one for one in credentials_of(brand, [one for of in held.values() for one in of])}
    shown = board(brand, juniors(brand, people, now), now)
    return [
        _member(
            row,
            [told[one.pk] for one in held[row.user.person_id]],
            [progress_told(one) for one in shown.get(row.user.person_id, [])],
            away=row.user.person_id in away,
        )
        for row in rows
    ]


def _member(
    row: Membership,
    held: list[people_shapes.Credential],
    shown: list[people_shapes.Progress],
    *,
    away: bool,
) -> people_shapes.Member:
    domains: dict[str, int] = {}
    for one in held:
        domains[one["domain"]] = max(one["level"], domains.get(one["domain"], 0))
    return {
        **person(row.user),
        "title": row.title,
        "is_owner": row.is_owner,
        "absent": away,
        "domains": domains,
        "credentials": held,
        "progress": shown,
    }


@router.get("/people/{int:pk}", response=people_shapes.Member, auth=Read())
def read_person(request: HttpRequest, pk: int) -> people_shapes.Member:
    """One member, with their progress in every domain they have begun."""
    brand = token_of(request).brand
    demand_member(caller(request), brand)
    row = (
        Membership.objects.filter(brand=brand, user=pk, is_active=True, user__is_active=True)
        .select_related("user")
        .first()
    )
    if row is None:
        raise NotHere("no_such_person", _("There is no such person in this brand."))
    now = database_now()
    number = row.user.person_id
    shown = board(brand, [number], now).get(number, [])
    held = credentials_of(brand, _held(brand, [number])[number])
    return _member(row, held, [progress_told(one) for one in shown], away=number in away_today(brand))


@router.get("/brands/{slug}/coverage", response=shapes.Page[people_shapes.Coverage], auth=Read())
def read_coverage(request: HttpRequest, slug: str) -> shapes.Page[people_shapes.Coverage]:
    """What posts of each kind may require, on all of the brand's channels and products, by how many
    people can cover it: what nobody covers comes first."""
    brand = brand_named(request, slug)
    rules = ruling.in_force(brand.pk).rules
    items = _coverage(brand, rules) if rules else []
    return {"items": sorted(items, key=lambda one: one["able"] - one["needed"]), "next": None}


def _coverage(brand: Brand, rules: Rules) -> list[people_shapes.Coverage]:
    networks = list(brand.channels.filter(is_active=True).values_list("network", flat=True))
    products = list(brand.products.values_list("key", flat=True))
    topics = [key.removeprefix("topic:") for key in rules.facets]
    members = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    present = {row.user.person_id: row.user for row in members.select_related("user")}
    held = _held(brand)
    items: list[people_shapes.Coverage] = []
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


@router.post("/people/{int:pk}/link", response=people_shapes.LinkedPerson, auth=Manage())
def link_person(request: HttpRequest, pk: int, body: LinkIn) -> people_shapes.LinkedPerson:
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
