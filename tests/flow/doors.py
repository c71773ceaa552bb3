"""The two doors of the house, for tests that go through both: the API with a token, and the pages.

Behind the pages' door a person opens the page, fills in the form that stands on it and sends it: what the page
does not offer is sent all the same, as somebody with a browser's tools would. Both answer alike: a status (a
page's redirect after an act counts as 200), the refusal's code where the door says one, and the words.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any, ClassVar

from django.conf import settings
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, Scope, User
from accounts.tokens import digest_of as digest_of_token
from approvals.gate import Code
from posts.models import Post
from tests.casting import TEXT, Cast, digest_of, fresh, in_hours

NEEDS_A_REASON = ("reject", "request_changes")
WHY = "Ce n’est pas vrai."


class NotOffered(Exception):
    """This door has no such act."""


@dataclass(frozen=True)
class Answer:
    status: int
    code: str = ""
    text: str = ""
    data: Any = None
    # Whether the page offered the form that was sent; the API offers everything.
    offered: bool = True

    @property
    def done(self) -> bool:
        return self.status < 300

    def refused(self, status: int, code: str) -> bool:
        """A page says a sentence and no code."""
        assert self.text.strip(), "a refusal without a word"
        assert self.status == status, f"{self.status} {self.code}: {self.text[:300]}"
        assert self.code in ("", code), f"{self.code} and not {code}: {self.text[:300]}"
        return True


@dataclass(frozen=True)
class Sight:
    """What the door tells of the gate: open, the codes of what stops it, {domain: missing}, people."""

    open: bool
    codes: set[str]
    missing: dict[str, int]
    needed: int
    have: int
    text: str


@dataclass
class Door(ABC):
    cast: Cast
    name: ClassVar[str] = ""

    def person(self, who: str) -> User:
        user = self.cast.stranger if who == "stranger" else self.cast.people[who]
        return User.objects.get(pk=user.pk)

    # --- What both do the same --------------------------------------------------------------------
    def submitted(self, who: str = "ines", **fields: Any) -> Post:
        post = self.draft(who, **fields)
        answer = self.submit(who, post)
        assert answer.done, answer
        return fresh(post)

    def approved(self, by: str = "nadia", **fields: Any) -> Post:
        post = self.submitted(**fields)
        answer = self.say(by, post)
        assert answer.done, answer
        return fresh(post)

    def draft(self, who: str = "ines", **fields: Any) -> Post:
        fields = {"text": TEXT, "channels": ["demo"], "slot": in_hours(2).isoformat(), **fields}
        before = set(Post.objects.values_list("pk", flat=True))
        answer = self.write(who, fields)
        assert answer.done, answer
        return Post.objects.exclude(pk__in=before).get()

    @abstractmethod
    def write(self, who: str, fields: Mapping[str, Any]) -> Answer: ...

    @abstractmethod
    def edit(self, who: str, post: Post, **fields: Any) -> Answer: ...

    @abstractmethod
    def submit(self, who: str, post: Post) -> Answer: ...

    @abstractmethod
    def say(self, who: str, post: Post, decision: str = "approve", digest: str | None = None) -> Answer: ...

    @abstractmethod
    def act(self, who: str, post: Post, verb: str, **fields: Any) -> Answer:
        """hold, resume, release, withdraw, clone, reschedule (with `slot`)."""

    @abstractmethod
    def sees(self, who: str, post: Post) -> Sight: ...

    @abstractmethod
    def by(
        self, who: str, api: tuple[str, Mapping[str, Any]], page: tuple[str, str, Mapping[str, Any]]
    ) -> Answer:
        """An act that only one case needs. `api`: (path, body) of a POST; `page`: (the page on which its form
        stands, the form's address, the fields that are filled in)."""

    def clone(self, who: str, post: Post) -> Post:
        before = set(Post.objects.values_list("pk", flat=True))
        answer = self.act(who, post, "clone")
        assert answer.done, answer
        return Post.objects.exclude(pk__in=before).get()


# --- The API --------------------------------------------------------------------------------------
@dataclass
class ByApi(Door):
    name: ClassVar[str] = "api"
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def call(self, who: str, method: str, path: str, body: Any = None) -> Answer:
        headers = {"Authorization": f"Bearer {self._token(who)}", "Accept-Language": "en"}
        sent = {"data": json.dumps(body), "content_type": "application/json"} if body is not None else {}
        found = self.client.generic(method, f"/api/v1{path}", headers=headers, **sent)
        text = found.content.decode()
        data = json.loads(text) if text else None
        code = data.get("code", "") if isinstance(data, dict) and found.status_code >= 400 else ""
        return Answer(found.status_code, code, text, data)

    def _token(self, who: str) -> str:
        user = self.person(who)
        token = f"cmq_{user.pk}"
        brand = self.cast.elsewhere if who == "stranger" else self.cast.brand
        ApiToken.objects.get_or_create(
            user=user,
            brand=brand,
            digest=digest_of_token(token),
            defaults={"scopes": list(Scope.values), "expires_at": timezone.now() + timedelta(days=1)},
        )
        return token

    def write(self, who: str, fields: Mapping[str, Any]) -> Answer:
        return self.call(who, "POST", f"/brands/{self.cast.brand.slug}/posts", fields)

    def edit(self, who: str, post: Post, **fields: Any) -> Answer:
        return self.call(who, "PATCH", f"/posts/{post.pk}", fields)

    def submit(self, who: str, post: Post) -> Answer:
        return self.act(who, post, "submit")

    def say(self, who: str, post: Post, decision: str = "approve", digest: str | None = None) -> Answer:
        word = {"decision": decision, "digest": digest_of(post) if digest is None else digest}
        if decision in NEEDS_A_REASON:
            word |= {"comment": WHY, "reason": "facts"}
        return self.call(who, "POST", f"/posts/{post.pk}/decisions", word)

    def act(self, who: str, post: Post, verb: str, **fields: Any) -> Answer:
        return self.call(who, "POST", f"/posts/{post.pk}/{verb}", fields or None)

    def by(
        self, who: str, api: tuple[str, Mapping[str, Any]], page: tuple[str, str, Mapping[str, Any]]
    ) -> Answer:
        path, body = api
        return self.call(who, "POST", path, body or None)

    def sees(self, who: str, post: Post) -> Sight:
        answer = self.call(who, "GET", f"/posts/{post.pk}/gate")
        assert answer.done, answer
        gate = answer.data
        whole = self.call(who, "GET", f"/posts/{post.pk}")
        assert whole.data["gate"] == gate, "the post and its gate say the same"
        return Sight(
            gate["open"],
            {one["code"] for one in gate["blockers"]},
            {one["domain"]: one["missing"] for one in gate["requirements"] if one["missing"]},
            gate["distinct_approvers"]["needed"],
            gate["distinct_approvers"]["have"],
            whole.text,
        )


# --- The pages ------------------------------------------------------------------------------------
@dataclass
class Form:
    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)


class Forms(HTMLParser):
    """The forms of a page with what they would send untouched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._area: str | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self._form = Form(given.get("action", ""))
            self.forms.append(self._form)
        if self._form is None:
            return
        kind = given.get("type", "text")
        checked = "checked" in given or kind not in ("radio", "checkbox")
        if tag == "input" and name and checked and kind not in ("submit", "file"):
            # A box without a value is sent as "on".
            value = given.get("value", "on" if kind in ("radio", "checkbox") else "")
            self._form.fields.setdefault(name, []).append(value)
        elif tag == "textarea":
            self._area = name
            self._form.fields[name] = [""]
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in given:
            self._form.fields[self._select] = [given.get("value", "")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        if tag == "textarea":
            self._area = None
        if tag == "select":
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area is not None and self._form is not None:
            # HTML drops the newline that follows the opening tag.
            before = self._form.fields[self._area][0]
            self._form.fields[self._area] = [
                before + data.removeprefix("\n") if not before else before + data
            ]


@dataclass
class ByPage(Door):
    name: ClassVar[str] = "page"
    clients: dict[str, Client] = field(default_factory=dict)

    def client(self, who: str) -> Client:
        if who not in self.clients:
            client = self.clients[who] = Client(raise_request_exception=False)
            client.force_login(self.person(who))
            client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
        return self.clients[who]

    def forms(self, who: str, path: str) -> list[Form]:
        found = self.client(who).get(path)
        return Forms(found.content.decode()).forms if found.status_code == 200 else []

    def send(self, who: str, path: str, fields: Mapping[str, Any], offered: bool = True) -> Answer:
        found = self.client(who).post(path, fields)
        text = unescape(found.content.decode())
        status = 200 if found.status_code == 302 else found.status_code
        if found.status_code == 302 and "?refused" in found.headers["Location"]:
            status = 422
            text = unescape(self.client(who).get(found.headers["Location"]).content.decode())
        return Answer(status, "", text, found, offered)

    # --- Writing ----------------------------------------------------------------------------------
    def write(self, who: str, fields: Mapping[str, Any]) -> Answer:
        return self._compose(who, "/compose/", "/compose/save/", fields)

    def edit(self, who: str, post: Post, **fields: Any) -> Answer:
        place = f"/posts/{post.pk}/edit/"
        return self._compose(who, place, f"{place}save/", fields)

    def submit(self, who: str, post: Post) -> Answer:
        place = f"/posts/{post.pk}/edit/"
        return self._compose(who, place, f"{place}submit/", {})

    def _compose(self, who: str, page: str, address: str, fields: Mapping[str, Any]) -> Answer:
        found = [one for one in self.forms(who, page) if one.action.endswith("/save/")]
        sent = dict(found[0].fields) if found else {}
        answer = self.send(who, address, {**sent, **_typed(fields, sent)}, offered=bool(found))
        if answer.status != 409:
            return answer
        # "You can no longer approve this": the page asks once, and sending its form again means it.
        again = [one for one in Forms(answer.data.content.decode()).forms if one.action.endswith("/save/")]
        return self.send(who, address, {**again[0].fields, "knowing": "on"}) if again else answer

    # --- Deciding and steering ----------------------------------------------------------------------
    def say(self, who: str, post: Post, decision: str = "approve", digest: str | None = None) -> Answer:
        address = f"/review/{post.pk}/decide/"
        found = [
            one.fields
            for one in self.forms(who, f"/review/{post.pk}/")
            if one.action == address and one.fields.get("decision") == [decision]
        ]
        sent: dict[str, Any] = dict(found[0]) if found else {"decision": decision, "digest": digest_of(post)}
        if digest is not None:
            sent["digest"] = digest
        if decision in NEEDS_A_REASON:
            sent |= {"comment": WHY, "motive": "facts"}
        return self.send(who, address, sent, offered=bool(found))

    def act(self, who: str, post: Post, verb: str, **fields: Any) -> Answer:
        address = f"/posts/{post.pk}/{verb}/"
        found = [one.fields for one in self.forms(who, f"/posts/{post.pk}/") if one.action == address]
        sent: dict[str, Any] = dict(found[0]) if found else {}
        return self.send(who, address, {**sent, **fields}, offered=bool(found))

    def by(
        self, who: str, api: tuple[str, Mapping[str, Any]], page: tuple[str, str, Mapping[str, Any]]
    ) -> Answer:
        place, address, fields = page
        found = [one.fields for one in self.forms(who, place) if (one.action or place) == address]
        sent: dict[str, Any] = dict(found[0]) if found else {}
        return self.send(who, address, {**sent, **fields}, offered=bool(found))

    def sees(self, who: str, post: Post) -> Sight:
        found = self.client(who).get(f"/posts/{post.pk}/")
        assert found.status_code == 200, found.status_code
        verdict = found.context["judged"].verdict
        codes = {
            str(one.params["blocker"]) if one.code == Code.BLOCKED else one.code.value
            for one in verdict.reasons
        }
        missing = {one.requirement.domain: one.missing for one in verdict.reading.coverage if one.missing}
        text = unescape(found.content.decode())
        return Sight(verdict.open, codes, missing, verdict.reading.needed, len(verdict.reading.have), text)


def _typed(fields: Mapping[str, Any], there: Mapping[str, Any]) -> dict[str, Any]:
    """A draft's fields, as the API names them, as the compose page's form has them."""
    sent: dict[str, Any] = {}
    for name, value in fields.items():
        match name:
            case "window" | "late_minutes":
                raise NotOffered(name)
            case "topics":
                sent["topics"] = ", ".join(value)
            case "variants":
                sent |= {f"on-{channel}-variant": text for channel, text in value.items()}
            case "options":
                for channel, chosen in value.items():
                    sent |= {f"on-{channel}-{option}": what for option, what in chosen.items()}
            case "thread":
                sent |= _rows("part", ({"text": text} for text in value), there)
            case "media":
                sent |= _rows(
                    "media", ({"picture": str(one["id"]), "alt": one["alt"]} for one in value), there
                )
            case _:
                sent[name] = value
    return sent


def _rows(prefix: str, rows: Iterable[Mapping[str, str]], there: Mapping[str, Any]) -> dict[str, Any]:
    """The rows of a formset. What the page had is overwritten, or, where there are fewer now, left out."""
    sent: dict[str, Any] = {name: [] for name in there if name.startswith(f"{prefix}-")}
    rows = list(rows)
    for number, row in enumerate(rows):
        sent |= {f"{prefix}-{number}-{name}": value for name, value in row.items()}
    return {**sent, f"{prefix}-TOTAL_FORMS": str(len(rows)), f"{prefix}-INITIAL_FORMS": "0"}


DOORS: dict[str, type[Door]] = {one.name: one for one in (ByApi, ByPage)}
