"""What surrounds every call: who calls, in which language, whether what they sent can be read at all.

A call is the act of the token's person, in the token's one brand. There is no other way to sign in
here: a browser's session opens nothing, so no page elsewhere can call in somebody's name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ClassVar, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header
from django.views.decorators.csrf import csrf_exempt
from ninja.parser import Parser
from ninja.security.http import HttpAuthBase

from accounts.models import ApiToken, Brand, Scope, User
from accounts.policies import demand_member
from accounts.refusals import Forbidden, Invalid, NotHere, Refused, Stale
from accounts.tokens import find_token
from cm_queue.api.problems import EXPECTED, answer_to, not_allowed, problem
from cm_queue.api.repeating import KEY, once

View = Callable[..., HttpResponse]
UPLOAD: Final = "upload_media"
MULTIPART: Final = "multipart/form-data"
# Beyond the picture itself a form has its field names and boundaries.
_FORM_AROUND = 1024 * 1024
# So much of a refused body is read and thrown away, so that its sender comes to read the answer.
_DRAINED = 256 * 1024 * 1024


# --- Around every call ------------------------------------------------------------------------
def answered(view: View) -> View:
    """Wraps a view of the API: whatever happens inside, the answer is JSON, in the caller's language."""

    @csrf_exempt
    @wraps(view)
    def call(request: HttpRequest, **parts: Any) -> HttpResponse:
        try:
            token = _token_in(request)
        except EXPECTED as error:
            return answer_to(error)
        request.token = token  # type: ignore[attr-defined]
        with translation.override(_language_for(request, token)):
            try:
                response = _answer(view, request, token, parts)
            except EXPECTED as error:
                response = answer_to(error)
            response.headers["Content-Language"] = translation.get_language() or ""
        response.headers["Cache-Control"] = "no-store"
        return response

    return call


def _answer(view: View, request: HttpRequest, token: ApiToken | None, parts: dict[str, Any]) -> HttpResponse:
    def act() -> HttpResponse:
        response = view(request, **parts)
        return not_allowed(response.headers["Allow"]) if response.status_code == 405 else response

    if token is None:
        return act()
    too_large = _refuse_size(request)
    if too_large is not None:
        return too_large
    _demand_clean(dict(request.GET.lists()))
    if request.method in {"POST", "PATCH"}:
        request.sent = _read_json(request)  # type: ignore[attr-defined]
    if request.method == "POST" and KEY in request.headers:
        return once(request, token, act, together=not _is_upload(request))
    return act()


def _token_in(request: HttpRequest) -> ApiToken | None:
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    return find_token(token.strip()) if scheme.lower() == "bearer" and token.strip() else None


def _language_for(request: HttpRequest, token: ApiToken | None) -> str:
    """The language asked for, if there is one of ours; else the person's."""
    for code, _quality in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        try:
            return translation.get_supported_language_variant(code)
        except LookupError:
            continue
    return token.user.language if token else settings.LANGUAGE_CODE


# --- What was sent ----------------------------------------------------------------------------
class SentParser(Parser):
    """Gives ninja what has been read already."""

    def parse_body(self, request: HttpRequest) -> Any:
        return getattr(request, "sent", None)


def _is_upload(request: HttpRequest) -> bool:
    return request.resolver_match is not None and request.resolver_match.url_name == UPLOAD


def _refuse_size(request: HttpRequest) -> HttpResponse | None:
    """413 for a body that is larger than anything this address takes, before it is stored anywhere."""
    uploading = _is_upload(request)
    most = settings.MEDIA_MAX_BYTES + _FORM_AROUND if uploading else settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isascii() or not length.isdigit() or int(length) <= most:
        return None
    left = _DRAINED
    while left > 0 and (read := len(request.read(64 * 1024))):
        left -= read
    sentence = _("This is too large: at most %(most)s MB. Nothing was stored.") % {
        "most": (settings.MEDIA_MAX_BYTES if uploading else most) // (1024 * 1024)
    }
    fields = {"file": [sentence]} if uploading else {"body": [sentence]}
    return problem(413, "media_too_big" if uploading else "too_large", sentence, fields=fields)


def _read_json(request: HttpRequest) -> Any:
    """The JSON of the body, None without one. Raises Refused (400, 415) and Invalid."""
    if request.content_type == MULTIPART:
        if not _is_upload(request):
            raise _Unsupported("unsupported_media_type", _("Send JSON here, not a form."))
        fields = {name: request.POST.getlist(name) for name in request.POST}
        names = [file.name for name in request.FILES for file in request.FILES.getlist(name)]
        _demand_clean({**fields, "file": names})
        return None
    if not request.body:
        return None
    try:
        sent = json.loads(request.body, parse_constant=_no_such_number)
    except (ValueError, RecursionError):
        raise _Unreadable("bad_json", _("This is not JSON that can be read.")) from None
    _demand_clean(sent)
    return sent


class _Unreadable(Refused):
    status = 400


class _Unsupported(Refused):
    status = 415


def _no_such_number(name: str) -> None:
    raise ValueError(name)


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text in a value, with where it stands."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield place or "body", key
            yield from _texts(inner, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _texts(inner, f"{place}.{number}" if place else str(number))


def _demand_clean(sent: Any) -> None:
    """Raises Invalid for text that no database takes and no network shows: NUL and half characters."""
    for place, text in _texts(sent, ""):
        if "\x00" in text:
            code = "nul_byte"
            sentence = _("There is a NUL character in this text. Remove it, or paste the text again.")
        elif any("\ud800" <= character <= "\udfff" for character in text):
            code, sentence = "bad_text", _("This text has a broken character. Paste it again.")
        else:
            continue
        # The text of a list belongs to the list's field: `thread.2` → `thread`.
        field = place.replace("\x00", "").encode(errors="replace").decode()
        raise Invalid(code, sentence, fields={field.split(".")[0] or "body": [sentence]})


# --- Who calls, and what their token is for ---------------------------------------------------------
class _Needs(HttpAuthBase):
    """A bearer token with one scope; each operation names one of the four below."""

    openapi_scheme = "bearer"
    scope: ClassVar[Scope]

    def __call__(self, request: HttpRequest) -> ApiToken | None:
        token: ApiToken | None = getattr(request, "token", None)
        if token is not None and self.scope not in token.scopes:
            raise Forbidden(
                "missing_scope",
                _("This token may not do this: it lacks the scope “%(scope)s”.") % {"scope": self.scope},
                details={"scope": self.scope.value},
            )
        return token


class Read(_Needs):
    scope = Scope.READ
    openapi_description = "A token with the scope `read`."


class Draft(_Needs):
    scope = Scope.DRAFT
    openapi_description = "A token with the scope `draft`: write, submit, move, hold, comment."


class Decide(_Needs):
    scope = Scope.DECIDE
    openapi_description = (
        "A token with the scope `decide`: decide, and let go again what was stopped. Only the person, "
        "signed in, gives it (in the demonstration every token has it)."
    )


class Manage(_Needs):
    scope = Scope.MANAGE
    openapi_description = "A token with the scope `manage`: stop scopes and channels, settle, link, revoke."


def token_of(request: HttpRequest) -> ApiToken:
    token: ApiToken = request.token  # type: ignore[attr-defined]
    return token


def caller(request: HttpRequest) -> User:
    return token_of(request).user


def brand_named(request: HttpRequest, slug: str) -> Brand:
    """The token's brand, if that is the one asked for. Raises NotHere."""
    brand = token_of(request).brand
    if brand.slug != slug:
        raise NotHere("no_such_brand", _("There is no such brand."))
    demand_member(caller(request), brand)
    return brand


def demand_here(request: HttpRequest, brand_id: int | None, code: str, sentence: str) -> None:
    """Raises NotHere for a thing that is none, or another brand's, or the brand's former member asks."""
    token = token_of(request)
    if brand_id != token.brand_id:
        raise NotHere(code, sentence)
    demand_member(token.user, token.brand)


def revision_seen(request: HttpRequest) -> int | None:
    """The revision number of `If-Match: "3"`; None without the header, or for `*`. Raises Stale for
    what can be no revision's number."""
    given = request.headers.get("If-Match", "").strip()
    if given in {"", "*"}:
        return None
    number = given.removeprefix("W/").strip('"')
    if not (number.isascii() and number.isdigit() and len(number) <= 9):
        raise Stale("stale_revision", _('Give the revision you read, such as If-Match: "3".'))
    return int(number)
