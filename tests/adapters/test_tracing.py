"""Where an address leads is followed a few steps, and never into a private network."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adapters.tracing import MOST_STEPS, Trace, trace, trace_all
from adapters.transport import CheckedTransport, build_client, shared_context

pytestmark = pytest.mark.pure
Answer = httpx.Response | httpx.HTTPError


class World(httpx.BaseTransport):
    """Public sites that answer as told; whatever else is asked goes through the checked transport."""

    def __init__(self, sites: dict[str, Callable[[httpx.Request], Answer]]) -> None:
        self.sites, self.asked = sites, list[str]()
        self._checked = CheckedTransport(frozenset(), 2, shared_context())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url}")
        if request.url.host not in self.sites:
            return self._checked.handle_request(request)
        answer = self.sites[request.url.host](request)
        if isinstance(answer, httpx.HTTPError):
            raise answer
        return answer


def to(where: str, status: int = 301) -> Callable[[httpx.Request], Answer]:
    return lambda _request: httpx.Response(status, headers={"Location": where})


def page(status: int = 200) -> Callable[[httpx.Request], Answer]:
    return lambda _request: httpx.Response(status, text="never read")


def follow(world: World, url: str, give_up_s: float = 30) -> Trace:
    with httpx.Client(transport=world, follow_redirects=False) as client:
        return trace(client, url, datetime.now(UTC) + timedelta(seconds=give_up_s))


def test_a_short_link_is_followed_to_its_page_with_headers_only():
    world = World({"bit.ly": to("https://go.example/x"), "go.example": to("/shop?a=1", 302), "-": page()})
    world.sites["go.example"] = lambda asked: (
        to("/shop?a=1", 302)(asked) if asked.url.path == "/x" else page()(asked)
    )
    found = follow(world, "bit.ly/3xLin")
    assert found == Trace("https://go.example/shop?a=1", 2)
    assert found.moved
    assert world.asked == [
        "HEAD https://bit.ly/3xLin",
        "HEAD https://go.example/x",
        "HEAD https://go.example/shop?a=1",
    ]


def test_a_site_that_knows_no_head_is_asked_for_the_page():
    world = World({"old.example": lambda asked: httpx.Response(405 if asked.method == "HEAD" else 200)})
    assert follow(world, "https://old.example/") == Trace("https://old.example/")
    assert world.asked == ["HEAD https://old.example/", "GET https://old.example/"]


@pytest.mark.parametrize(
    "inside",
    [
        "https://127.0.0.1:1/",
        "https://10.0.0.1/admin",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "http://localhost/",
        "https://[::ffff:192.168.0.1]/",
    ],
)
@pytest.mark.parametrize("directly", [True, False], ids=["written", "redirected to"])
def test_nothing_private_is_asked(inside: str, directly: bool):
    world = World({"bit.ly": to(inside)})
    found = follow(world, inside if directly else "https://bit.ly/x")
    assert (found.end, found.why) == (inside, "private")


def test_what_an_installation_allows_its_channels_is_private_all_the_same():
    with build_client(allow_private=frozenset(), user_agent="t", timeout_s=2) as client:
        assert trace_all(client, ["https://127.0.0.1:9/"])["https://127.0.0.1:9/"].why == "private"


def test_nothing_goes_out_unencrypted_or_with_a_password():
    world = World({"shop.example": page()})
    found = follow(world, "http://bank.example:secret@shop.example:80/x#frag")
    assert found == Trace("http://bank.example:secret@shop.example:80/x#frag")
    assert world.asked == ["HEAD https://shop.example/x"]


@pytest.mark.parametrize(
    "where", ["file:///etc/passwd", "gopher://x/", "javascript:alert(1)", "https://", "https://[", "tel:1"]
)
def test_what_is_no_web_address_is_not_asked(where: str):
    world = World({"bit.ly": to(where)})
    # Some of these the client itself cannot read; an empty one leads back.
    assert follow(world, "https://bit.ly/x").why in {"no_address", "no_answer", "too_far"}
    assert set(world.asked) == {"HEAD https://bit.ly/x"}


def test_a_circle_ends():
    world = World({"a.example": to("https://b.example/"), "b.example": to("https://a.example/")})
    assert follow(world, "https://a.example/").why == "too_far"
    assert len(world.asked) == MOST_STEPS + 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _asked: httpx.ReadTimeout("slow"), "too_slow"),
        (lambda _asked: httpx.ConnectError("gone"), "no_answer"),
        (page(404), "missing"),
        (page(410), "missing"),
        (page(500), ""),
    ],
    ids=["slow", "gone", "404", "410", "500"],
)
def test_why_it_ended(answer: Callable[[httpx.Request], Answer], why: str):
    assert follow(World({"x.example": answer}), "https://x.example/").why == why


def test_a_name_that_is_none_and_no_time_left():
    assert follow(World({}), "https://nowhere.invalid/").why == "no_name"
    world = World({"x.example": page()})
    assert follow(world, "https://x.example/", give_up_s=-1).why == "too_slow"
    assert world.asked == []
