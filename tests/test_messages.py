"""The French of the desk: complete, in step with the sources, and written as French is.

English is the source, so it has no catalogue. The compiled catalogue is committed, because a fresh machine
has no gettext: what reads it here needs no tools; what collects the sentences again does.
"""

from __future__ import annotations

import gettext
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.utils.translation import gettext as translated
from django.utils.translation import ngettext, override, pgettext

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "locale" / "fr" / "LC_MESSAGES"
PO, MO = FOLDER / "django.po", FOLDER / "django.mo"
APPS = ("accounts", "adapters", "approvals", "cm_queue", "journal", "posts", "publishing")
NBSP, THIN = "\u00a0", "\u202f"


@dataclass
class Message:
    """One entry of a catalogue; `said` has one French sentence, or one for each plural form."""

    context: str = ""
    one: str = ""
    many: str = ""
    said: dict[int, str] = field(default_factory=dict)
    fuzzy: bool = False

    def __str__(self) -> str:
        return f"{self.context}|{self.one}" if self.context else self.one


def read(text: str) -> list[Message]:
    """The entries of a .po file without its header. Long sentences stand on several lines in it."""
    found = []
    for block in re.split(r"\n\s*\n", text):
        message, key = Message(fuzzy="\n#, fuzzy" in f"\n{block}"), ""
        for line in block.splitlines():
            part = re.fullmatch(r'(?:(msg\w+(?:\[\d\])?) )?"(.*)"', line)
            if part is None:
                continue
            key = part[1] or key
            piece = re.sub(r'\\(["\\n])', lambda one: {"n": "\n"}.get(one[1], one[1]), part[2])
            match key:
                case "msgctxt":
                    message.context += piece
                case "msgid":
                    message.one += piece
                case "msgid_plural":
                    message.many += piece
                case _:
                    form = int(key[7]) if "[" in key else 0
                    message.said[form] = message.said.get(form, "") + piece
        if message.one:
            found.append(message)
    return found


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return read(PO.read_text(encoding="utf-8"))


def compiled() -> dict[str | tuple[str, int], str]:
    with MO.open("rb") as file:
        catalogue: dict[str | tuple[str, int], str] = vars(gettext.GNUTranslations(file))["_catalog"]
    return {key: text for key, text in catalogue.items() if key != ""}


# --- What needs no tools -------------------------------------------------------------------------
@pytest.mark.pure
def test_every_sentence_has_its_french(messages: list[Message]):
    assert len(messages) > 1000
    assert [str(one) for one in messages if set(one.said) != ({0, 1} if one.many else {0})] == []
    assert [str(one) for one in messages if not all(one.said.values())] == []
    assert [str(one) for one in messages if one.fuzzy] == []
    assert "\n#~" not in PO.read_text(encoding="utf-8")


@pytest.mark.pure
def test_the_compiled_catalogue_is_the_written_one(messages: list[Message]):
    """`make messages` was run after the last word was changed."""
    written: dict[str | tuple[str, int], str] = {}
    for one in messages:
        key = f"{one.context}\x04{one.one}" if one.context else one.one
        written |= {(key, form): text for form, text in one.said.items()} if one.many else {key: one.said[0]}
    assert compiled() == written


PLACE = re.compile(r"%\((\w+)\)[\d.]*[a-z]|%[sd]")


@pytest.mark.pure
def test_french_has_the_places_of_its_source(messages: list[Message]):
    def places(text: str) -> set[str]:
        return {place[0] for place in PLACE.finditer(text)}

    wrong = []
    for one in messages:
        known = places(one.one) | places(one.many)
        whole = one.said[max(one.said)]
        if places(whole) != known or any(places(text) - known for text in one.said.values()):
            wrong.append(str(one))
    assert wrong == []


# Written as machines write it: a header of HTTP, a rule of a calendar.
CODE = re.compile(r'If-Match: "3"|Authorization: |FREQ=WEEKLY;BYDAY=MO|FREQ=MONTHLY;BYDAY=1MO|\bhttps?:')
FAULTS = {
    "a colon without its non-breaking space": re.compile(rf"(?<!{NBSP}):(?=\s|$)"),
    "; ! ? without their thin non-breaking space": re.compile(rf"(?<!{THIN})[;!?]"),
    "« without its non-breaking space": re.compile(rf"«(?!{NBSP})"),
    "» without its non-breaking space": re.compile(rf"(?<!{NBSP})»"),
    "a typewriter's quote, apostrophe or dots, or English quotes": re.compile(r"[\"'“”]|\.\.\."),
}


@pytest.mark.pure
def test_french_is_set_as_french(messages: list[Message]):
    wrong = [
        (fault, text)
        for one in messages
        for text in one.said.values()
        for fault, pattern in FAULTS.items()
        if pattern.search(CODE.sub("", text))
    ]
    assert wrong == []


@pytest.mark.pure
def test_each_language_speaks_for_itself():
    with override("fr"):
        assert pgettext("state", "held") == "suspendu"
        assert pgettext("journal", "paused") == "a mis en pause"
        assert translated("mentor") == "référent"
        # None is singular in French and plural in English.
        assert ngettext("%(n)d day", "%(n)d days", 0) == "%(n)d jour"
    with override("en"):
        assert pgettext("state", "held") == "held"
        assert ngettext("%(n)d day", "%(n)d days", 0) == "%(n)d days"


# Names, and what a machine reads.
NOT_WORDS = re.compile(
    r"CM Queue|\bAPI\b|\bv1\b|Authorization: Bearer …|openapi\.json|application/problem\+json|&#?\w+;"
)
SPOKEN = re.compile(r'\b(?:title|alt|placeholder|aria-label)="([^"]*)"')


def bare_words(template: str) -> Iterator[str]:
    """What a template says by itself, in one language, to somebody who reads another."""
    text = re.sub(r"(?s){#.*?#}|{% (blocktranslate|comment)\b.*?{% end\1 %}", " ", template)
    text = re.sub(r"(?s){% block (body_class|coltype) %}.*?{% endblock %}", " ", text)
    text = re.sub(r"(?s){%.*?%}|{{.*?}}", " ", text)
    for piece in [*SPOKEN.findall(text), *re.split(r"(?s)<[^>]*>", text)]:
        word = NOT_WORDS.sub(" ", piece)
        if re.search(r"[^\W\d_]{2}", word):
            yield " ".join(word.split())


@pytest.mark.pure
def test_templates_say_nothing_untranslated():
    sample = '{% if x %}<p title="Why">Held {{ y }}</p>{% endif %}{% translate "held" %}'
    assert list(bare_words(sample)) == ["Why", "Held"]
    # Shows the desk's parts to whoever builds it, with posts in French.
    ours = sorted(set((ROOT / "templates").rglob("*.*")) - {ROOT / "templates/desk/styleguide.html"})
    assert {str(path): found for path in ours if (found := list(bare_words(path.read_text())))} == {}


# --- What collects the sentences again ------------------------------------------------------------
def recipe() -> list[list[str]]:
    """The arguments of manage.py in `make messages`, so that what is tested is what people run."""
    lines = re.findall(r"manage\.py ((?:make|compile)messages .*)", (ROOT / "Makefile").read_text())
    return [shlex.split(line) for line in lines]


def run(command: list[str], **more: Any) -> tuple[int, str]:
    """How it ended, and what it complained of."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, **more)
    return done.returncode, done.stderr


@pytest.mark.gettext
@pytest.mark.slow
def test_make_messages_changes_nothing(tmp_path: Path):
    """Run on a copy, so that it leaves alone what other tests read."""
    for name in (*APPS, "templates", "locale"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", tmp_path)
    folder = tmp_path / FOLDER.relative_to(ROOT)
    (folder / MO.name).unlink()
    ours = {**os.environ, "CMQ_DATA_DIR": str(tmp_path / "data")}
    commands = recipe()
    assert [command[0] for command in commands] == ["makemessages", "compilemessages"]
    for command in commands:
        assert run([sys.executable, "manage.py", *command], cwd=tmp_path, env=ours) == (0, "")
    again = (folder / PO.name).read_text(encoding="utf-8")
    dated = re.compile(r'"POT-Creation-Date: .*\n')
    assert dated.sub("", again) == dated.sub("", PO.read_text(encoding="utf-8")), "run `make messages`"
    with (folder / MO.name).open("rb") as made:
        catalogue = vars(gettext.GNUTranslations(made))["_catalog"]
    assert {key: text for key, text in catalogue.items() if key != ""} == compiled()
    assert run(["msgfmt", "--check", "--output-file", os.devnull, str(PO)]) == (0, "")
