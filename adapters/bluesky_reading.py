"""What a PDS knows of handles and posts. Reading is open to everybody there, so it needs no sign-in that may
have run out, and what an unknown send became can always be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.base import CannotTell, Rejected, gettext_noop
from adapters.bluesky_records import POST, Address, Ref, says
from adapters.bluesky_session import PdsLine, RecordMissing
from adapters.http import Answer

NO_REPLY = gettext_noop("The post to reply to was not found. Nothing was sent.")
SAYS_OTHER = gettext_noop("The post is there, but it says something else: somebody must look.")


def ref_of(answer: Answer) -> Ref:
    """Address and content id of a record. Without both nobody knows what happened."""
    return {"uri": answer.text("uri"), "cid": answer.text("cid")}


def look(line: PdsLine, did: str, rkey: str) -> Answer | None:
    """The post of this key, or None. Raises AdapterError."""
    query = {"repo": did, "collection": POST, "rkey": rkey}
    try:
        return line.ask("GET", "/xrpc/com.atproto.repo.getRecord", params=query)
    except RecordMissing:
        return None


def find(line: PdsLine, did: str, rkeys: Sequence[str], body: Mapping[str, Any]) -> list[Ref] | CannotTell:
    """The posts of these keys that are this payload, as far as they are out. CannotTell when what stands
    there says something else. Raises AdapterError."""
    out: list[Ref] = []
    for place, rkey in enumerate(rkeys):
        answer = look(line, did, rkey)
        if answer is None:
            break
        value = answer.mapping().get("value")
        if not isinstance(value, dict):
            raise answer.unclear()
        if not says(value, body, place):
            return CannotTell(SAYS_OTHER)
        out.append(ref_of(answer))
    return out


def did_of(line: PdsLine, handle: str) -> str:
    """Whose a handle is; empty when it leads nowhere. Raises AdapterError when that cannot be asked."""
    try:
        answer = line.ask("GET", "/xrpc/com.atproto.identity.resolveHandle", params={"handle": handle})
    except Rejected:
        return ""
    did = answer.text("did")
    return did if did.startswith("did:") else ""


def mentioned(line: PdsLine, body: Mapping[str, Any]) -> dict[str, str]:
    """DIDs by handle, of the mentions that lead somewhere. A network that cannot be asked is an error: what
    was approved as a mention must not lose it to a bad moment."""
    handles = [one["value"] for part in body["facets"] for one in part if one["kind"] == "mention"]
    resolved = {handle: did_of(line, handle) for handle in dict.fromkeys(handles)}
    return {handle: did for handle, did in resolved.items() if did}


def reply_to(reading: PdsLine, signed: PdsLine, reference: str) -> dict[str, Ref]:
    """The post to reply to, and the first of its thread. Somebody else's is asked of the account's own PDS,
    which asks the network; `signed` is for one that only does so for its own people."""
    target = Address.read(reference)
    if target is None:
        raise Rejected(NO_REPLY)
    did = target.whose if target.whose.startswith("did:") else did_of(reading, target.whose.lower())
    if not did:
        raise Rejected(NO_REPLY)
    try:
        found = look(reading, did, target.rkey)
        post = found.mapping() if found else _seen_by_the_network(signed, Address(did, target.rkey))
    except Rejected:
        post = _seen_by_the_network(signed, Address(did, target.rkey))
    parent = _ref_in(post)
    if parent is None:
        raise Rejected(NO_REPLY)
    value = post.get("value")
    thread = value.get("reply") if isinstance(value, dict) else None
    root = _ref_in(thread.get("root")) if isinstance(thread, dict) else None
    return {"root": root or parent, "parent": parent}


def _ref_in(thing: object) -> Ref | None:
    if not isinstance(thing, dict):
        return None
    uri, cid = thing.get("uri"), thing.get("cid")
    return {"uri": uri, "cid": cid} if isinstance(uri, str) and isinstance(cid, str) else None


def _seen_by_the_network(line: PdsLine, address: Address) -> dict[str, Any]:
    """A post as the network's own view has it, in the shape of `getRecord`."""
    try:
        answer = line.ask("GET", "/xrpc/app.bsky.feed.getPosts", params={"uris": str(address)})
    except Rejected:
        raise Rejected(NO_REPLY) from None
    posts = answer.mapping().get("posts")
    if not isinstance(posts, list) or not posts or not isinstance(posts[0], dict):
        raise Rejected(NO_REPLY)
    return {**posts[0], "value": posts[0].get("record")}
