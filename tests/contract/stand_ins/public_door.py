"""Where a network that fetches files by itself finds them: as the product's own door serves them, unsigned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from tests.contract.stand_ins.serving import StandIn


class PublicDoor(StandIn):
    """`read` finds a file by its SHA-256; `told` is what was given away, in its order."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        super().__init__(_Handler)
        self.read = read
        self.told: list[str] = []

    def address(self, item: Mapping[str, Any]) -> str:
        self.told.append(str(item["sha256"]))
        return f"{self.base_url}/{item['sha256']}/{item['mime'].partition('/')[2]}"


class _Handler(BaseHTTPRequestHandler):
    server: PublicDoor

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        _, sha256, kind = self.path.split("/")
        try:
            content = self.server.read(sha256)
        except KeyError:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", f"image/{kind}")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
