"""A small, strict PDS of the AT Protocol with one account: it refuses what the real one refuses.

Written from github.com/bluesky-social/atproto (packages/pds/src/api/com/atproto: repo/{putRecord,deleteRecord,
getRecord,uploadBlob}.ts, server/{createSession,refreshSession,getSession}.ts, identity/resolveHandle.ts;
packages/pds/src/auth-verifier.ts for what each bad token is called), the lexicons (`strict_bluesky_lexicon.py`),
https://docs.bsky.app/docs/advanced-guides/{posts,rate-limits}, https://atproto.com/specs/xrpc, and from what
`facts/servers.md` saw of the real one: an expired token is 400 `ExpiredToken`, a missing record 400
`RecordNotFound`, an identical `putRecord` 200 with the same CID. Stricter: a refresh token is good once.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.stand_ins.serving import StandIn
from tests.contract.stand_ins.strict_bluesky_lexicon import POST, TID, Wrong, check

HANDLE, DID = "maison-lumiere.pds.example", "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
PASSWORD = "abcd-1234-efgh-5678"
FRIEND, FRIEND_DID = "ami.bsky.social", "did:plc:z72i7hdynmk6r22z27h6tvur"


class StrictBluesky(StandIn):
    def __init__(self) -> None:
        super().__init__(_Handler)
        self.records: dict[str, dict] = {}
        self.blobs: dict[str, dict] = {}
        self.handles = {HANDLE: DID, FRIEND: FRIEND_DID}
        # What the network knows of other people's posts, by address.
        self.elsewhere: dict[str, dict] = {}
        self.refreshable: set[str] = set()
        self.sign_ins = 0
        self.sign_ins_allowed = 30
        self.token_life_s = 7200
        self.asks_for_a_code = False
        self.standing: dict[str, Any] = {"active": True}
        self.serial = 0

    def tokens(self) -> dict[str, str]:
        self.serial += 1
        refresh = token({"scope": "com.atproto.refresh", "sub": DID, "jti": f"r{self.serial}"}, 90 * 86_400)
        self.refreshable.add(refresh)
        scope = {"scope": "com.atproto.appPass", "sub": DID, "jti": f"a{self.serial}"}
        return {"accessJwt": token(scope, self.token_life_s), "refreshJwt": refresh}

    def texts(self) -> list[str]:
        return [one["value"]["text"] for one in self.records.values()]


def token(claims: dict, life_s: int) -> str:
    """A JWT whose signature is a hash: enough to tell ours from garbage."""
    whole = {
        **claims,
        "iat": int(time.time()),
        "exp": int(time.time()) + life_s,
        "aud": "did:web:pds.example",
    }
    head = _b64(b'{"typ":"at+jwt","alg":"ES256K"}') + "." + _b64(json.dumps(whole).encode())
    return head + "." + _b64(hashlib.sha256(head.encode()).digest())


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def content_id(raw: bytes, codec: int) -> str:
    """A CIDv1: sha2-256, base 32. (The real one hashes a record's DAG-CBOR, here its JSON.)"""
    cid = bytes([1, codec, 0x12, 0x20]) + hashlib.sha256(raw).digest()
    return "b" + base64.b32encode(cid).decode().rstrip("=").lower()


class Refusal(Exception):
    def __init__(self, status: int, name: str, message: str, **headers: str) -> None:
        self.status, self.said, self.headers = status, {"error": name, "message": message}, headers


class _Handler(BaseHTTPRequestHandler):
    server: StrictBluesky

    def log_message(self, *args) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers: dict[str, str] = {}
        try:
            status, said = 200, self._answer()
        except Refusal as refusal:
            status, said, headers = refusal.status, refusal.said, refusal.headers
        content = json.dumps(said).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _answer(self) -> dict:
        parts = urlsplit(self.path)
        method, view = _CALLS.get(parts.path.removeprefix("/xrpc/"), ("", None))
        if view is None or not parts.path.startswith("/xrpc/"):
            raise Refusal(501, "MethodNotImplemented", "Method Not Implemented")
        if method != self.command:
            raise Refusal(405, "InvalidRequest", f"Incorrect HTTP method ({self.command}) expected {method}")
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return view(self)

    # --- Who asks ---------------------------------------------------------------------------------
    def _claims(self) -> tuple[str, dict]:
        header = self.headers.get("Authorization") or ""
        if not header.startswith("Bearer "):
            raise Refusal(401, "AuthMissing", "Authentication Required")
        given = header.removeprefix("Bearer ")
        head, _, signature = given.rpartition(".")
        if signature != _b64(hashlib.sha256(head.encode()).digest()):
            raise Refusal(400, "InvalidToken", "Token could not be verified")
        claims = json.loads(base64.urlsafe_b64decode(head.split(".")[1] + "=="))
        if claims["exp"] <= time.time():
            raise Refusal(400, "ExpiredToken", "Token has expired")
        return given, claims

    def _demand_access(self) -> None:
        if self._claims()[1]["scope"] not in {"com.atproto.access", "com.atproto.appPass"}:
            raise Refusal(400, "InvalidToken", "Bad token scope")
        if self.server.standing.get("status") == "takendown":
            raise Refusal(401, "AccountTakedown", "Account has been taken down")

    def _form(self, required: set[str], optional: set[str]) -> dict:
        if (self.headers.get("Content-Type") or "").split(";")[0] != "application/json":
            raise Refusal(400, "InvalidRequest", "Wrong request encoding")
        form = json.loads(self.body)
        if not required <= set(form) <= required | optional:
            raise Refusal(400, "InvalidRequest", f"Input must have the properties {sorted(required)}")
        return form

    def _create_session(self) -> dict:
        form = self._form({"identifier", "password"}, {"authFactorToken", "allowTakendown"})
        self.server.sign_ins += 1
        if self.server.sign_ins > self.server.sign_ins_allowed:
            raise Refusal(429, "RateLimitExceeded", "Rate Limit Exceeded", retry_after="240")
        if form["identifier"].lower() not in {HANDLE, DID} or form["password"] != PASSWORD:
            raise Refusal(401, "AuthenticationRequired", "Invalid identifier or password")
        if self.server.asks_for_a_code:
            raise Refusal(
                401, "AuthFactorTokenRequired", "A sign in code has been sent to your email address"
            )
        return {"did": DID, "handle": HANDLE, **self.server.tokens(), **self.server.standing}

    def _refresh_session(self) -> dict:
        given, claims = self._claims()
        if claims["scope"] != "com.atproto.refresh" or self.body:
            raise Refusal(400, "InvalidToken", "Bad token scope")
        if given not in self.server.refreshable:
            raise Refusal(400, "ExpiredToken", "Token has been revoked")
        self.server.refreshable.remove(given)
        return {"did": DID, "handle": HANDLE, **self.server.tokens(), **self.server.standing}

    def _get_session(self) -> dict:
        self._demand_access()
        return {"did": DID, "handle": HANDLE, **self.server.standing}

    def _resolve_handle(self) -> dict:
        did = self.server.handles.get(self.query.get("handle", ""))
        if did is None:
            raise Refusal(400, "InvalidRequest", "Unable to resolve handle")
        return {"did": did}

    # --- Records ----------------------------------------------------------------------------------
    def _upload_blob(self) -> dict:
        self._demand_access()
        mime = self.headers.get("Content-Type") or ""
        if "/" not in mime or mime.startswith(("multipart/", "application/json")):
            raise Refusal(400, "InvalidRequest", f"Wrong request encoding (Content-Type): {mime}")
        if len(self.body) > 5 * 1024 * 1024:
            raise Refusal(413, "PayloadTooLarge", "request entity too large")
        link = content_id(self.body, 0x55)
        blob = {"$type": "blob", "ref": {"$link": link}, "mimeType": mime, "size": len(self.body)}
        self.server.blobs[link] = blob
        return {"blob": blob}

    def _put_record(self) -> dict:
        self._demand_access()
        form = self._form({"repo", "collection", "rkey", "record"}, {"validate", "swapRecord", "swapCommit"})
        uri = self._own_address(form)
        if not TID.fullmatch(form["rkey"]):
            raise Refusal(400, "InvalidRequest", "Invalid record key: must be a TID")
        try:
            check(form["record"], self.server.blobs)
        except Wrong as wrong:
            raise Refusal(400, "InvalidRequest", str(wrong)) from None
        cid = content_id(json.dumps(form["record"], sort_keys=True).encode(), 0x71)
        there = self.server.records.get(uri)
        if there is None or there["cid"] != cid:
            if "swapRecord" in form and form["swapRecord"] != (there["cid"] if there else None):
                raise Refusal(400, "InvalidSwap", f"Record was at {there['cid'] if there else None}")
            self.server.records[uri] = {"uri": uri, "cid": cid, "value": form["record"]}
        return {"uri": uri, "cid": cid, "validationStatus": "valid"}

    def _delete_record(self) -> dict:
        self._demand_access()
        form = self._form({"repo", "collection", "rkey"}, {"swapRecord", "swapCommit"})
        self.server.records.pop(self._own_address(form), None)
        return {}

    def _own_address(self, form: dict) -> str:
        if form["repo"] not in {DID, HANDLE}:
            raise Refusal(401, "AuthenticationRequired", "Authentication Required")
        if form["collection"] != POST:
            raise Refusal(400, "InvalidRequest", "this stand-in keeps posts only")
        return f"at://{DID}/{POST}/{form['rkey']}"

    def _get_record(self) -> dict:
        repo = self.query["repo"]
        uri = f"at://{self.server.handles.get(repo, repo)}/{self.query['collection']}/{self.query['rkey']}"
        found = self.server.records.get(uri) or self.server.elsewhere.get(uri)
        if found is None:
            raise Refusal(400, "RecordNotFound", f"Could not locate record: {uri}")
        return found

    def _get_posts(self) -> dict:
        self._demand_access()
        found = self.server.elsewhere.get(self.query["uris"])
        views = [{"uri": found["uri"], "cid": found["cid"], "record": found["value"]}] if found else []
        return {"posts": views}


_CALLS: dict[str, tuple[str, Any]] = {
    "com.atproto.server.createSession": ("POST", _Handler._create_session),
    "com.atproto.server.refreshSession": ("POST", _Handler._refresh_session),
    "com.atproto.server.getSession": ("GET", _Handler._get_session),
    "com.atproto.identity.resolveHandle": ("GET", _Handler._resolve_handle),
    "com.atproto.repo.uploadBlob": ("POST", _Handler._upload_blob),
    "com.atproto.repo.putRecord": ("POST", _Handler._put_record),
    "com.atproto.repo.deleteRecord": ("POST", _Handler._delete_record),
    "com.atproto.repo.getRecord": ("GET", _Handler._get_record),
    "app.bsky.feed.getPosts": ("GET", _Handler._get_posts),
}
