"""The demonstration network: a small server that plays the far side on this machine.

Plain WSGI over the standard library. It shares nothing with the queue but the HTTP API that
`adapters/demo.py` speaks, so that what shows on its pages did travel through the gate and over a
socket. It listens on loopback only, without a password; a web page elsewhere cannot post to it,
since it wants a content type that browsers ask leave for and a Host that is this machine.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import re
import signal
import socketserver
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from accounts.ending import Ending
from cm_queue import demo_pages, demo_style
from cm_queue.demo_store import DemoStore, Draft, NoImage, NoSuchPost, Post, Shown

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

MEDIA_MAX_BYTES = 20 * 1024 * 1024
JSON_MAX_BYTES = 256 * 1024
_MAX_CHARACTERS = 5000
_MAX_MEDIA = 4
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Refused(Exception):
    """A request this network does not take: the HTTP status, and a sentence for the client."""

    def __init__(self, status: HTTPStatus, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its body not yet read."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    read: Callable[[int], bytes]

    def body(self, most: int) -> bytes:
        length = self.headers.get("content-length", "")
        if not re.fullmatch(r"[0-9]{1,12}", length):
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing.")
        if int(length) > most:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {most} bytes.")
        return self.read(int(length))


@dataclass(frozen=True, slots=True)
class Reply:
    status: HTTPStatus
    kind: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = field(default=())


class DemoNetwork:
    """The WSGI application."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] | None = None) -> None:
        """`clock` says when it is, for posts that are remembered rather than sent now."""
        self._store = DemoStore(folder, clock)
        self._routes: tuple[tuple[str, str, Callable[..., Reply]], ...] = (
            ("GET", r"/", self._home),
            ("GET", r"/@(?P<account>[a-z0-9-]+)", self._profile),
            ("GET", r"/@(?P<account>[a-z0-9-]+)/(?P<post_id>[0-9]{1,15})", self._single),
            ("GET", r"/media/(?P<name>[0-9a-z.]+)", self._media),
            ("GET", r"/style\.css", lambda _request: _text(demo_style.STYLE, "text/css")),
            ("GET", r"/icon\.svg", lambda _request: _text(demo_style.ICON, "image/svg+xml")),
            ("GET", r"/api/me", self._me),
            ("GET", r"/api/posts", self._find),
            ("POST", r"/api/posts", self._publish),
            ("GET", r"/api/posts/(?P<post_id>[0-9]{1,15})", self._show),
            ("PUT", r"/api/posts/(?P<post_id>[0-9]{1,15})", self._change),
            ("DELETE", r"/api/posts/(?P<post_id>[0-9]{1,15})", self._remove),
            ("POST", r"/api/media", self._upload),
        )

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = _request(environ)
        try:
            reply = self._answer(request)
        except Refused as refused:
            reply = _json({"error": refused.said}, refused.status)
        except NoSuchPost:
            reply = self._missing(request)
        headers = [
            ("Content-Type", f"{reply.kind}; charset=utf-8"),
            ("Content-Length", str(len(reply.body))),
            ("Content-Security-Policy", _PAGE_POLICY),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            *reply.headers,
        ]
        start_response(f"{reply.status.value} {reply.status.phrase}", headers)
        return [] if request.method == "HEAD" else [reply.body]

    def _answer(self, request: Request) -> Reply:
        if not _is_this_machine(request.headers.get("host", "")):
            raise Refused(
                HTTPStatus.MISDIRECTED_REQUEST, "This network answers to this machine's own name only."
            )
        method = "GET" if request.method == "HEAD" else request.method
        found = [(verb, re.fullmatch(path, request.path), view) for verb, path, view in self._routes]
        for verb, match, view in found:
            if match and verb == method:
                return view(request, **match.groupdict())
        if any(match for _, match, _ in found):
            raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "That cannot be done here.")
        return self._missing(request)

    # --- Pages ------------------------------------------------------------------------------------
    def _missing(self, request: Request) -> Reply:
        if request.path.startswith("/api/"):
            return _json({"error": "Record not found"}, HTTPStatus.NOT_FOUND)
        return _page(demo_pages.missing(_language(request)), HTTPStatus.NOT_FOUND)

    def _home(self, request: Request) -> Reply:
        return _page(demo_pages.timeline(self._store.timeline(), _language(request)))

    def _profile(self, request: Request, account: str) -> Reply:
        return _page(demo_pages.timeline(self._store.timeline(account), _language(request), account))

    def _single(self, request: Request, account: str, post_id: str) -> Reply:
        post = self._store.get(int(post_id))
        return _page(demo_pages.single(post, self._store.replies(post.id), _language(request)))

    def _media(self, request: Request, name: str) -> Reply:
        try:
            content, kind = self._store.media(name)
        except NoImage:
            raise Refused(HTTPStatus.NOT_FOUND, "There is no such file.") from None
        return Reply(HTTPStatus.OK, kind, content, (("Cache-Control", "max-age=31536000, immutable"),))

    # --- The API -----------------------------------------------------------------------------------
    def _me(self, request: Request) -> Reply:
        account = _account(request.query.get("account", ""))
        return _json({"account": account, "url": f"{_origin(request)}/@{account}"})

    def _find(self, request: Request) -> Reply:
        key, account = request.query.get("key", ""), request.query.get("account", "")
        posts = self._store.by_key(account, key) if key else self._store.timeline(account)
        return _json([_as_json(post, request) for post in posts])

    def _publish(self, request: Request) -> Reply:
        key = request.headers.get("idempotency-key", "")
        if not _KEY.fullmatch(key):
            raise Refused(HTTPStatus.BAD_REQUEST, "Idempotency-Key is missing or malformed.")
        draft = self._draft(request)
        try:
            post, new = self._store.add(draft, key)
        except NoSuchPost:
            raise Refused(
                HTTPStatus.GONE, "The post of this key, or the one it replies to, is gone."
            ) from None
        return _json(_as_json(post, request), HTTPStatus.CREATED if new else HTTPStatus.OK)

    def _show(self, request: Request, post_id: str) -> Reply:
        return _json(_as_json(self._store.get(int(post_id)), request))

    def _change(self, request: Request, post_id: str) -> Reply:
        return _json(_as_json(self._store.change(int(post_id), self._draft(request)), request))

    def _remove(self, request: Request, post_id: str) -> Reply:
        self._store.remove(int(post_id))
        return _json({})

    def _upload(self, request: Request) -> Reply:
        if not request.headers.get("content-type", "").startswith("image/"):
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send the image itself, with its content type.")
        try:
            name = self._store.add_media(request.body(MEDIA_MAX_BYTES))
        except NoImage:
            raise Refused(
                HTTPStatus.UNPROCESSABLE_ENTITY, "This is no PNG, JPEG, GIF or WebP image."
            ) from None
        return _json({"id": name, "url": f"{_origin(request)}/media/{name}"})

    def _draft(self, request: Request) -> Draft:
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Send application/json.")
        try:
            said = json.loads(request.body(JSON_MAX_BYTES))
        except (ValueError, RecursionError):
            raise Refused(HTTPStatus.BAD_REQUEST, "This is no JSON.") from None
        if not isinstance(said, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, "Send an object.")
        visibility, language = _string(said, "visibility") or "public", _string(said, "language")
        text, media = _string(said, "text"), self._attached(said.get("media", []))
        if visibility not in {"public", "unlisted"} or not _LANGUAGE.fullmatch(language):
            raise _invalid("visibility or language is unknown")
        if not text and not media:
            raise _invalid("text can't be blank")
        warning = _string(said, "content_warning")
        if len(text) + len(warning) > _MAX_CHARACTERS:
            raise _invalid("text is too long")
        reply_to = _string(said, "reply_to")
        if reply_to and not re.fullmatch(r"[0-9]{1,15}", reply_to):
            raise _invalid("reply_to is no post of this network")
        account = _account(_string(said, "account"))
        return Draft(account, text, media, visibility, language, warning, int(reply_to) if reply_to else None)

    def _attached(self, said: Any) -> tuple[Shown, ...]:
        if (
            not isinstance(said, list)
            or len(said) > _MAX_MEDIA
            or not all(isinstance(item, dict) for item in said)
        ):
            raise _invalid(f"media must be a list of at most {_MAX_MEDIA}")
        shown = tuple(Shown(_string(item, "id"), _string(item, "alt")) for item in said)
        if not all(self._store.has_media(item.name) for item in shown):
            raise _invalid("there is no such media")
        return shown


# --- Reading and writing ---------------------------------------------------------------------------
def _request(environ: WSGIEnvironment) -> Request:
    headers = {
        name[5:].replace("_", "-").lower(): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    headers["content-type"] = environ.get("CONTENT_TYPE", "")
    headers["content-length"] = environ.get("CONTENT_LENGTH", "")
    query = {name: values[-1] for name, values in parse_qs(environ.get("QUERY_STRING", "")).items()}
    return Request(
        environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, environ["wsgi.input"].read
    )


def _is_this_machine(host: str) -> bool:
    """A page elsewhere may make a name of its own point here; it cannot change what Host says."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _origin(request: Request) -> str:
    return f"http://{request.headers['host']}"


def _language(request: Request) -> str:
    return demo_pages.language_of(request.headers.get("accept-language", ""))


def _invalid(said: str) -> Refused:
    return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"Validation failed: {said}")


def _string(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str) or _unwritable(value):
        raise _invalid(f"{name} must be a text")
    return value


def _unwritable(value: str) -> bool:
    """A NUL, or half a surrogate pair, which no bytes express."""
    return any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in value)


def _account(name: str) -> str:
    if not _ACCOUNT.fullmatch(name):
        raise _invalid("account must be of the form maison-lumiere")
    return name


def _as_json(post: Post, request: Request) -> dict[str, Any]:
    origin = _origin(request)
    return {
        "id": str(post.id),
        "url": f"{origin}/@{post.account}/{post.id}",
        "account": post.account,
        "key": post.key,
        "text": post.text,
        "media": [
            {"id": item.name, "url": f"{origin}/media/{item.name}", "alt": item.alt} for item in post.media
        ],
        "visibility": post.visibility,
        "language": post.language,
        "content_warning": post.content_warning,
        "reply_to": str(post.reply_to or ""),
        "created_at": post.created_at.isoformat(),
        "edited_at": post.edited_at.isoformat() if post.edited_at else None,
    }


def _json(value: Any, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    return Reply(status, "application/json", json.dumps(value, ensure_ascii=False).encode())


def _page(html: str, status: HTTPStatus = HTTPStatus.OK) -> Reply:
    return Reply(
        status, "text/html", html.encode(), (("Vary", "Accept-Language"), ("Cache-Control", "no-cache"))
    )


def _text(text: str, kind: str) -> Reply:
    return Reply(HTTPStatus.OK, kind, text.encode(), (("Cache-Control", "max-age=300"),))


# --- Serving -----------------------------------------------------------------------------------------
class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread for each request. Closing waits for none of them: clients of the network treat a
    cut answer as an unknown outcome and ask again by key."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def server_bind(self) -> None:
        # WSGIServer would look its own address up in the DNS here, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    timeout = 30

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Says nothing: its pages show what went on."""


def serve(folder: Path, port: int) -> WSGIServer:
    """A listening server; the caller runs `serve_forever` and `server_close`. Raises OSError."""
    return make_server("127.0.0.1", port, DemoNetwork(folder), server_class=_Server, handler_class=_Quiet)


def run(folder: Path, port: int, say: Callable[[str], object]) -> None:
    """Serves until SIGTERM or Ctrl-C. Raises OSError when it cannot listen."""
    stop = Ending()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server = serve(folder, port)
    threading.Thread(target=server.serve_forever, name="demo-network", daemon=True).start()
    say(f"The demonstration network shows what goes out at http://127.0.0.1:{server.server_port}/")
    stop.wait()
    server.shutdown()
    server.server_close()


if __name__ == "__main__":
    # Without Django, which it does not need: `manage.py up` starts it in a tenth of the time.
    _arguments = argparse.ArgumentParser(description=__doc__)
    _arguments.add_argument("--folder", type=Path, required=True)
    _arguments.add_argument("--port", type=int, required=True)
    _chosen = _arguments.parse_args()
    run(_chosen.folder, _chosen.port, lambda line: sys.stdout.write(f"{line}\n"))
