"""The API's documentation, for people and for programs, from the routes themselves.

Ninja's own page runs a viewer that styles itself inline, which our Content-Security-Policy refuses; a
list of operations needs no script.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI
from ninja.openapi.docs import DocsBase
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation

METHODS: Final = ("get", "post", "patch", "put", "delete")
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What went wrong. `code` is stable; `detail` and `errors` are in the caller's language.",
    "required": ["type", "title", "status", "code", "detail", "errors"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    },
}
_REFUSED: Final = {
    "description": "Refused: 400, 401, 403, 404, 405, 409, 412, 413, 415, 422.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Refusal"}}},
}
_KEY: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "A call repeated with the same key within 24 hours gets the same answer and acts once.",
}
_MATCH: Final = {
    "in": "header",
    "name": "If-Match",
    "required": False,
    "schema": {"type": "string"},
    "description": 'The revision number that was read, as in "3". 412 when there is a newer one.',
}


class Page(DocsBase):
    """One plain page: every operation, what it takes, what it answers."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **_parts: Any) -> HttpResponse:
        schema = api.get_openapi_schema()
        tags: dict[str, list[dict[str, Any]]] = {}
        for path, method, operation in operations(schema):
            tags.setdefault(operation["tags"][0], []).append(_row(schema, path, method, operation))
        return render(request, "api/docs.html", {"title": api.title, "tags": tags})


def operations(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) for each, in the order of the routes."""
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                yield path, method, methods[method]


def _row(schema: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    scopes = [name.lower() for one in operation.get("security", ()) for name in one]
    return {
        "method": method.upper(),
        "path": path,
        "id": operation["operationId"],
        "says": operation.get("description") or operation["summary"],
        "scope": ", ".join(scopes),
        "parameters": [one for one in operation["parameters"] if one["in"] != "path"],
        "fields": list(_fields(schema, operation)),
    }


def _fields(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """The fields of what is sent."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        body = content["schema"]
        for option in body.get("anyOf", [body]):
            named = schema["components"]["schemas"].get(option.get("$ref", "").rsplit("/", 1)[-1], option)
            for name, field in named.get("properties", {}).items():
                yield {"name": name, "says": field.get("description", ""), "type": field.get("type", "")}


class Api(NinjaAPI):
    """Ninja's API with what its schema cannot know: refusals, and the two headers of a write."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._schemas: dict[str, OpenAPISchema] = {}

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__

    def get_openapi_schema(self, **given: Any) -> OpenAPISchema:
        """Made once: nothing in it changes while a process lives, and making it takes most of a second."""
        asked = repr(sorted(given.items()))
        if asked not in self._schemas:
            self._schemas[asked] = self._make_schema(**given)
        return self._schemas[asked]

    def _make_schema(self, **given: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**given)
        schema["components"]["schemas"]["Refusal"] = PROBLEM
        for path, method, operation in operations(schema):
            operation["responses"]["default"] = _REFUSED
            if method == "post":
                operation["parameters"].append(_KEY)
            if method in {"post", "patch"} and "/posts/{pk}" in path and not path.endswith("/decisions"):
                operation["parameters"].append(_MATCH)
        return schema
