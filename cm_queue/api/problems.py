"""Says what went wrong as `application/problem+json`: a stable code, a sentence, errors by field.

{"type", "title", "status", "code", "detail", "errors": {field: [sentence]}, …details}
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.serializers.json import DjangoJSONEncoder
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from accounts.refusals import Refused

CONTENT_TYPE: Final = "application/problem+json"
# What is refused, or fails, before or after an operation of ninja's has it in hand.
EXPECTED: Final = (
    Refused,
    Http404,
    MultiPartParserError,
    SuspiciousOperation,
    UnreadablePostError,
    OperationalError,
)
log = logging.getLogger("django.request")

_SENTENCES: Final[Mapping[str, str]] = {
    "missing": gettext_noop("This is needed."),
    "extra_forbidden": gettext_noop("There is no field of this name."),
    "string_type": gettext_noop("This must be text."),
    "string_too_short": gettext_noop("This is too short."),
    "string_too_long": gettext_noop("This is too long."),
    "too_long": gettext_noop("These are too many."),
    "int_type": gettext_noop("This must be a whole number."),
    "int_parsing": gettext_noop("This must be a whole number."),
    "int_from_float": gettext_noop("This must be a whole number."),
    "bool_type": gettext_noop("This must be true or false."),
    "list_type": gettext_noop("This must be a list."),
    "dict_type": gettext_noop("This must be an object."),
    "model_type": gettext_noop("This must be an object."),
    "model_attributes_type": gettext_noop("This must be an object."),
    "greater_than_equal": gettext_noop("This number is too small."),
    "less_than_equal": gettext_noop("This number is too large."),
    "literal_error": gettext_noop("There is no such choice."),
}
_OTHERWISE: Final = gettext_noop("This cannot be read.")


def problem(
    status: int,
    code: str,
    sentence: str,
    *,
    fields: Mapping[str, Sequence[str]] | None = None,
    details: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """The answer itself. `details` never hide a member of the standard."""
    body = {
        **(details or {}),
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": sentence,
        "errors": {name: list(sentences) for name, sentences in (fields or {}).items()},
    }
    text = json.dumps(body, cls=DjangoJSONEncoder, ensure_ascii=False)
    return HttpResponse(text, status=status, content_type=CONTENT_TYPE)


def answer_to(error: Exception) -> HttpResponse:
    """What to answer to something that was refused or failed. Never tells what a fault of ours was."""
    match error:
        case Refused():
            answer = problem(
                error.status, error.code, error.sentence, fields=error.fields, details=error.details
            )
        case ValidationError():
            answer = _unreadable_fields(error.errors)
        case AuthenticationError():
            answer = unauthenticated()
        case Http404():
            answer = problem(404, "not_found", _("There is nothing at this address."))
        case RequestDataTooBig():
            answer = problem(413, "too_large", _("This is too large."))
        case HttpError(status_code=status):
            answer = problem(status, "bad_request", _("This request cannot be read."))
        case MultiPartParserError() | SuspiciousOperation() | UnreadablePostError():
            answer = problem(400, "bad_request", _("This request cannot be read."))
        case OperationalError():
            log.error("The API could not reach the database", exc_info=error)
            answer = problem(503, "unavailable", _("This place is busy. Nothing was lost: try again."))
            answer.headers["Retry-After"] = "2"
        case _:
            log.error("The API failed", exc_info=error)
            answer = problem(500, "fault", _("Something broke here, and was written down. Try again later."))
    return answer


def unauthenticated() -> HttpResponse:
    answer = problem(401, "unauthenticated", _("A valid token is needed: “Authorization: Bearer …”."))
    answer.headers["WWW-Authenticate"] = 'Bearer realm="cm-queue"'
    return answer


def not_allowed(allowed: str) -> HttpResponse:
    """405. `allowed` is the header's value, as it was answered."""
    answer = problem(405, "method_not_allowed", _("This address does not take that method."))
    answer.headers["Allow"] = allowed
    return answer


def _unreadable_fields(errors: Iterable[Mapping[str, Any]]) -> HttpResponse:
    fields: dict[str, list[str]] = {}
    for error in errors:
        sentence = _(_SENTENCES.get(error["type"], _OTHERWISE))
        fields.setdefault(_field(error["loc"]), []).append(sentence)
    first = next(iter(fields.items()))
    return problem(422, "invalid", f"{first[0]}: {first[1][0]}", fields=fields)


def _field(place: Sequence[str | int]) -> str:
    """("body", "body", "media", 0, "alt") → "media.0.alt"; the whole body → "body"."""
    source, *path = place
    if source == "body" and path:
        path = path[1:]
    return ".".join(str(part) for part in path) or str(source)


def handle_with(api: NinjaAPI) -> None:
    """Has ninja answer every error by `answer_to`, the unexpected ones included."""

    def handler(_request: HttpRequest, error: Any) -> HttpResponse:
        return answer_to(error)

    for kind in (Exception, Http404, HttpError, ValidationError):
        api.add_exception_handler(kind, handler)
