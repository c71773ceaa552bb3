"""Pictures of every page: `make screenshots`, or `python -m tests.browser.screenshots [FOLDER]`.

Both widths, both themes, both languages, into var/screenshots/ with an index.html to leaf through. Eight of
them, named in KEPT, go to docs/screenshots/ as well, which README.md shows.
"""

from __future__ import annotations

import os
import sys
import tempfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.browser.browsing import Visitor
    from tests.browser.places import Stage
    from tests.browser.running import Demonstration

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs" / "screenshots"
LANGUAGES = {"fr": "fr-FR", "en": "en-GB"}
THEMES = ("light", "dark")
WIDTHS = {"phone": (390, 844), "desk": (1280, 900)}
# Place, width and theme of what the README shows, in French, and under which name.
KEPT = {
    ("calendar-week", "desk", "light"): "calendar",
    ("edit-picture", "desk", "light"): "compose",
    ("review-changed", "desk", "light"): "review",
    ("review-changed", "phone", "light"): "review-phone",
    ("insights", "desk", "light"): "insights",
    ("people", "desk", "light"): "people",
    ("incident", "desk", "dark"): "incident",
    ("desk-nadia", "phone", "dark"): "desk-phone",
}
MOST_BYTES = 200_000


def take(browser: Browser, house: Demonstration, stage: Stage, folder: Path) -> list[str]:
    """Writes the pictures; answers their names, in the order of the pages."""
    names = []
    for language, locale in LANGUAGES.items():
        for width, size in WIDTHS.items():
            names += _take_all(browser, house, stage, folder, (language, locale, width, size))
    return names


def _take_all(
    browser: Browser,
    house: Demonstration,
    stage: Stage,
    folder: Path,
    view: tuple[str, str, str, tuple[int, int]],
) -> list[str]:
    from tests.browser.browsing import Visitor
    from tests.browser.places import PLACES

    language, locale, width, size = view
    names = []
    known: dict[str | None, Visitor] = {}
    for place in PLACES:
        if place.who not in known:
            visitor = Visitor(browser, house.desk, size, locale=locale, reduced_motion="reduce")
            known[place.who] = stage.send(visitor, place.who)
            _speak(known[place.who], place.who, language)
        visitor = known[place.who]
        visitor.go(stage.path(place))
        for theme in THEMES:
            visitor.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
            name = f"{place.name}-{language}-{width}-{theme}.png"
            visitor.page.screenshot(path=folder / name, full_page=True)
            names.append(name)
            if language == "fr" and (place.name, width, theme) in KEPT:
                _keep(visitor, KEPT[place.name, width, theme])
    for visitor in known.values():
        visitor.close()
    return names


def _speak(visitor: Visitor, who: str | None, language: str) -> None:
    """A person's profile knows their language, whatever their browser asks for."""
    if not who or visitor.one("html").get_attribute("lang") == language:
        return
    button = visitor.one(f"form.languages button[value={language}]").first
    with visitor.page.expect_navigation():
        button.evaluate("button => button.form.requestSubmit(button)")


def _keep(visitor: Visitor, name: str) -> None:
    """What one sees without scrolling, for the README."""
    DOCS.mkdir(parents=True, exist_ok=True)
    path = DOCS / f"{name}.png"
    visitor.page.screenshot(path=path)
    _reduce(path)
    assert path.stat().st_size < MOST_BYTES, f"{path.name}: {path.stat().st_size} bytes"


def _reduce(path: Path) -> None:
    """256 colours are plenty for a page, and a fifth of the bytes."""
    from PIL import Image

    with Image.open(path) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.FLOYDSTEINBERG).save(path, optimize=True)


def index(names: list[str]) -> str:
    """A page to leaf through them: a row a page, its pictures side by side."""
    rows: dict[str, list[str]] = {}
    for name in names:
        rows.setdefault(name.rsplit("-", 3)[0], []).append(name)
    body = "".join(
        f"<h2>{escape(place)}</h2><p>"
        + "".join(
            f'<a href="{escape(name)}"><img src="{escape(name)}" alt="{escape(name)}" loading="lazy"></a> '
            for name in found
        )
        + "</p>"
        for place, found in rows.items()
    )
    style = "body{font:15px system-ui;margin:2rem}p{display:flex;gap:1rem;overflow:auto}img{height:24rem}"
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>CM Queue</title><style>{style}</style>{body}</html>'


def main(folder: Path) -> None:
    from tests.browser.browsing import chromium
    from tests.browser.places import set_stage
    from tests.browser.running import demonstration

    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="cmq-s-") as home:
        with demonstration(Path(home) / "b") as house, chromium() as browser:
            names = take(browser, house, set_stage(browser, house), folder)
    (folder / "index.html").write_text(index(names), encoding="utf-8")
    print(f"{len(names)} pictures: {folder / 'index.html'}")  # noqa: T201


def _set_up_django(home: str) -> None:
    """The seed's names and pictures are Django code; its data folder is nobody's."""
    os.environ |= {"CMQ_DATA_DIR": home, "DJANGO_SETTINGS_MODULE": "cm_queue.settings"}
    import django

    django.setup()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="cmq-p-") as nobody:
        _set_up_django(nobody)
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "var" / "screenshots")
