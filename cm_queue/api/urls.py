"""The HTTP API, version 1: an operation for each verb of the house, and nothing the pages cannot do."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, path, re_path

from cm_queue.api import (
    attesting,
    classifying,
    credentials,
    declaring,
    drafting,
    halting,
    legislating,
    recounting,
    recurring,
    retracting,
    reviewing,
    standing,
    steering,
    stocking,
    stopping,
    suggesting,
)
from cm_queue.api.calling import SentParser, answered
from cm_queue.api.documenting import Api, Page
from cm_queue.api.problems import handle_with

api = Api(
    title="CM Queue",
    version="1",
    description=(
        "A moderated publishing queue. A call is the act of the token's person, in the token's one brand: "
        "the same verbs, policies and gate as the pages. `Authorization: Bearer <token>`; a token is made by "
        "`manage.py api_token EMAIL --brand SLUG`."
    ),
    urls_namespace="api",
    docs=Page(),
    parser=SentParser(),
)
handle_with(api)
for module in (
    standing,
    credentials,
    legislating,
    attesting,
    drafting,
    classifying,
    steering,
    reviewing,
    suggesting,
    declaring,
    stopping,
    recounting,
    halting,
    recurring,
    retracting,
    stocking,
):
    api.add_router("", module.router)


def _nothing(_request: HttpRequest) -> HttpResponse:
    raise Http404


def _around(pattern: URLPattern | URLResolver) -> URLPattern | URLResolver:
    """The same address, its view wrapped: ninja itself answers 404 and 405 as plain text."""
    if isinstance(pattern, URLPattern):
        pattern.callback = answered(pattern.callback)
    return pattern


_patterns, _app, _namespace = api.urls
urlpatterns = [
    path("", ([_around(pattern) for pattern in _patterns], _app, _namespace)),
    re_path(r"", answered(_nothing)),
]
