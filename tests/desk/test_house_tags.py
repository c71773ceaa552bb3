"""The house's tags: words, shapes and the text a screen reader meets."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import timezone, translation

from adapters.base import Count, Payload
from approvals import naming
from cm_queue.desk import signs
from cm_queue.desk.styleguide import sample_context
from journal import moments
from posts.lifecycle import DeliveryState, PostState

PARIS = "Europe/Paris"
NOW = datetime(2026, 11, 19, 8, 50, tzinfo=UTC)  # 9:50 in Paris, a Thursday
NBSP = "\u00a0"


def drawn(source: str, language: str = "en", **context: Any) -> str:
    with translation.override(language), timezone.override(PARIS):
        return Template(source).render(Context(context))


def sprite() -> set[str]:
    return set(
        re.findall(r'<symbol id="([a-z0-9]+)"', (settings.BASE_DIR / "static" / "icons.svg").read_text())
    )


# --- Dates -------------------------------------------------------------------------------------------
@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("moment", "french", "english"),
    [
        (NOW, f"jeudi 19 novembre, 9{NBSP}h{NBSP}50", "Thursday 19 November, 09:50"),
        (NOW.replace(hour=17, minute=0), f"jeudi 19 novembre, 18{NBSP}h", "Thursday 19 November, 18:00"),
        (
            datetime(2026, 12, 1, 7, 5, tzinfo=UTC),
            f"mardi 1er décembre, 8{NBSP}h{NBSP}05",
            "Tuesday 1 December, 08:05",
        ),
        (
            datetime(2027, 7, 14, 7, 0, tzinfo=UTC),
            f"mercredi 14 juillet 2027, 9{NBSP}h",
            "Wednesday 14 July 2027, 09:00",
        ),
    ],
)
def test_when_is_a_wall_clock_in_the_brands_zone(moment: datetime, french: str, english: str):
    assert drawn("{{ at|when }}", "fr", at=moment) == french
    assert drawn("{{ at|when }}", "en", at=moment) == english


@time_machine.travel(NOW, tick=False)
def test_the_first_of_a_month_is_an_ordinal_in_french_wherever_a_day_is_said():
    first, later = date(2027, 1, 1), datetime(2027, 1, 1, 8, 30, tzinfo=UTC)
    assert drawn("{{ at|date_in_words }}", "fr", at=first) == "1er janvier 2027"
    assert drawn("{{ at|date_in_words }}", "en", at=first) == "1 January 2027"
    assert drawn("{{ at|date_in_words }}", "fr", at=date(2027, 1, 11)) == "11 janvier 2027"
    assert drawn("{{ at|brief }}", "fr", at=later).startswith("1er jan")
    # What is left to Django, in the admin panel, is in figures: a format cannot say "1er".
    assert drawn("{{ at }}, {{ at|date }}", "fr", at=later) == "01/01/2027 09:30, 01/01/2027"
    assert drawn("{{ day }}", "fr", day=first) == "01/01/2027"
    assert drawn("{{ at }}", "en", at=later) == "1 January 2027, 09:30"


def test_no_page_lets_django_write_a_day_and_a_month():
    """Its format knows no "1er"; `date_in_words`, `day` and `when` do."""
    spelt = re.compile(
        r"""date_format\(|\|date:["'](?:[^"']*\b[jd] ?[FMN]|(?:MONTH_DAY|DATE|DATETIME)_FORMAT)"""
    )
    folders = ("accounts", "journal", "posts", "approvals", "publishing", "cm_queue", "templates")
    files = [
        path
        for name in folders
        for end in ("py", "html", "txt")
        for path in (settings.BASE_DIR / name).rglob(f"*.{end}")
    ]
    assert len(files) > 300
    assert [str(path) for path in files if spelt.search(path.read_text())] == []


def test_a_number_is_grouped_as_its_reader_writes_it():
    assert drawn("{{ n|number }}", "fr", n=10000) == "10\u00a0000"
    assert drawn("{{ n|number }}", "en", n=10000) == "10,000"
    assert drawn("[{{ n|number }}]", n=None) == "[]"


@time_machine.travel(NOW, tick=False)
def test_a_time_of_day_is_said_as_a_moment_is():
    with translation.override("fr"):
        assert moments.clock(time(21)) == "21\u00a0h"
    with translation.override("en"):
        assert moments.clock(time(8, 30)) == "08:30"


def test_when_takes_another_zone():
    assert drawn("{{ at|when:'America/Montreal' }}", at=NOW) == "Thursday 19 November, 03:50"


def test_a_missing_moment_is_nothing_and_a_naive_one_is_refused():
    assert drawn("[{{ at|when }}{{ at|until }}{{ at|clock }}]", at=None) == "[]"
    with pytest.raises(ValueError, match="without a time zone"):
        moments.when(datetime(2026, 11, 19, 9, 50))  # noqa: DTZ001


@time_machine.travel(NOW, tick=False)
@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(minutes=85), f"in 1{NBSP}h{NBSP}25"),
        (timedelta(hours=3), f"in 3{NBSP}h"),
        (timedelta(minutes=40), f"in 40{NBSP}min"),
        (timedelta(seconds=20), "in less than a minute"),
        (timedelta(seconds=-20), "just now"),
        (timedelta(days=1), f"in 1{NBSP}day"),
        (timedelta(days=-3), f"3{NBSP}days ago"),
    ],
)
def test_until_is_relative(away: timedelta, words: str):
    assert drawn("{{ at|until }}", at=NOW + away) == words


@time_machine.travel(NOW, tick=False)
def test_brief_is_the_shortest_that_is_clear():
    assert drawn("{{ at|brief }}", "fr", at=NOW + timedelta(hours=1)) == f"10{NBSP}h{NBSP}50"
    assert drawn("{{ at|brief }}", "fr", at=NOW + timedelta(days=1)) == f"ven. 9{NBSP}h{NBSP}50"
    assert drawn("{{ at|brief }}", "en", at=NOW - timedelta(days=40)) == "10 Oct"


@time_machine.travel(NOW, tick=False)
def test_a_moment_is_machine_readable_and_says_both_times():
    html = drawn("{% moment at %}", at=NOW + timedelta(minutes=40))
    assert '<time datetime="2026-11-19T09:30:00+00:00">Thursday 19 November, 10:30</time>' in html
    assert f"(in 40{NBSP}min)" in html


# --- Signs -------------------------------------------------------------------------------------------
def test_every_state_has_a_sign_with_a_shape_and_a_word():
    for one in [*PostState, *DeliveryState]:
        assert str(one) in signs.STATES, one
        sign = signs.sign_of_state(one)
        assert sign.icon in sprite()
        assert str(sign.word)


def test_states_of_a_post_do_not_look_alike():
    seen = {(sign.icon, str(sign.word)) for sign in signs.POSTS.values()}
    assert len(seen) == len(signs.POSTS)


def test_state_takes_a_member_its_value_and_doubts_what_it_does_not_know():
    by_member = drawn("{% state one %}", one=PostState.HELD)
    assert by_member == drawn("{% state 'held' %}")
    assert "#held" in by_member
    assert "</svg>held</span>" in by_member
    unknown = drawn("{% state 'half_out' %}")
    assert "half out" in unknown
    assert "#unknown" in unknown


def test_every_drawing_the_code_names_is_in_the_sprite():
    named = {sign.icon for sign in signs.LEVELS} | {
        signs.network_icon(one) for one in [*naming.NETWORKS, *naming.OWN_NETWORKS, "?"]
    }
    templates = "".join(path.read_text() for path in (settings.BASE_DIR / "templates").rglob("*.html"))
    named |= set(re.findall(r'{% icon "([a-z0-9]+)"', templates))
    assert named <= sprite()


def test_an_icon_alone_has_a_name_and_one_beside_a_word_has_none():
    assert 'role="img" aria-label="Mastodon"' in drawn("{% network 'mastodon' words=False %}")
    assert 'aria-hidden="true"' in drawn("{% icon 'check' %}")


def test_what_people_typed_is_escaped():
    evil = '"><script>alert(1)</script>'
    for source in (
        "{% person x %}", "{% note x %}", "{% toast x %}", "{% state x %}", "{% network 'demo' x %}",
        "{% says 'ok' 'check' x %}", "{% button x name=x %}", "{% nothing x x %}", "{% diff rows %}",
        "{% requirement need %}", "{{ x|short_digest }}", "{% icon x x %}", "{% confirm x x x %}",
    ):  # fmt: skip
        html = drawn(
            source,
            x=evil,
            rows=[(0, evil), ("odd", evil, evil)],
            need={"domain": evil, "level": 2, "could": [evil], "missing": 1},
        )
        assert "<script" not in html, source


# --- Components ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("covered", "missing", "could", "viewer", "kind", "words"),
    [
        (["Marc", "Nadia"], 0, [], "Nadia", "met", "Marc and Nadia"),
        ([], 1, ["Nadia", "Victor"], "Nadia", "you", "you could"),
        ([], 1, ["Nadia", "Marc", "Victor"], "Sofia", "miss", "Nadia, Marc or Victor could"),
        (["Victor"], 1, [], "Nadia", "none", "nobody else in the team"),
    ],
)
def test_a_requirement_names_who_could(
    covered: list[str], missing: int, could: list[str], viewer: str, kind: str, words: str
):
    need = {
        "domain": "channel:mastodon",
        "level": 2,
        "covered_by": covered,
        "missing": missing,
        "could": could,
    }
    html = drawn("{% requirement need viewer %}", need=need, viewer=viewer)
    assert f'<li class="{kind}">' in html
    assert "<b>Mastodon 2</b>" in html
    assert words in html


def test_a_requirement_reads_objects_as_well_as_mappings():
    class Someone:
        name = "Sofia"

    class Need:
        domain, level, label, missing = "product:lampe-aurore", 2, "Aurore lamp", 1
        covered_by: list[Someone] = []
        could = [Someone()]

    html = drawn("{% requirement need viewer %}", need=Need(), viewer=Someone())
    assert '<li class="you">' in html
    assert "Aurore lamp 2" in html


def test_requirements_count_in_words_and_in_pips():
    needs = [
        {"domain": "craft", "level": 2, "missing": 0, "covered_by": ["Marc"]},
        {"domain": "crisis", "level": 2, "missing": 1},
    ]
    html = drawn("{% requirements needs people_have=1 people_needed=2 %}", needs=needs)
    assert "1 of 2" in html
    assert "1 of 2 people" in html
    assert html.count("<b></b>") == 1
    assert html.count("<i></i>") == 1


def test_a_count_over_the_limit_says_by_how_much():
    html = drawn("{% count 328 300 'Bluesky' %}")
    assert "328 of 300: 28 too many" in html
    assert 'max="300"' in html
    assert 'value="300"' in html
    assert "too many" not in drawn("{% count 300 300 'Bluesky' %}")


def test_a_preview_shows_every_byte_of_text_media_and_warning():
    text = "Une ligne,\n\n\n  trois sauts <b>&"
    body = {
        "parts": [
            {"text": text, "media": [{"sha256": "a" * 64, "alt": "Une lampe", "width": 10, "src": "/m/a"}]},
            {"text": "La suite", "media": [{"sha256": "b" * 64, "alt": ""}]},
        ],
        "content_warning": "lumière", "visibility": "unlisted",
    }  # fmt: skip
    payload = Payload("mastodon", "mastodon", body)
    for one in (payload, payload.as_json()):
        html = drawn(
            "{% preview payload channel counts %}",
            payload=one,
            channel={"name": "Le Mastodon", "handle": "@ml"},
            counts=[Count(20, 500)],
        )
        assert "Une ligne,\n\n\n  trois sauts &lt;b&gt;&amp;" in html
        assert 'alt="Une lampe"' in html
        assert "No description" in html
        assert "La suite" in html
        assert "lumière" in html
        assert "unlisted" in html
        assert "@ml" in html
        assert "20 of 500" in html


def test_a_diff_says_aloud_what_it_shows_by_lines():
    html = drawn(
        "{% diff rows %}", rows=[(0, "une lampe "), (-1, "laide"), (1, "belle"), ("odd", "о", "U+043E")]
    )
    assert "une lampe <del>" in html
    assert "removed: </span>laide</del>" in html
    assert "added: </span>belle</ins>" in html
    assert '<span class="odd" title="U+043E">о' in html


def test_components_take_nothing_from_the_page_around_them():
    """A context variable named `form` or `name` once filled a button's attributes."""
    html = drawn(
        "{% button 'Go' %}{% note 'Hm' %}",
        form="LEAK",
        name="LEAK",
        value="LEAK",
        id="LEAK",
        href="LEAK",
        tone="LEAK",
    )
    assert "LEAK" not in html


def test_a_confirmation_is_a_post_form_with_a_token():
    html = drawn("{% confirm '/x/' 'Retract' 'Really?' danger=True %}", csrf_token="tok")
    assert '<form method="post" action="/x/" class="danger">' in html
    assert 'name="csrfmiddlewaretoken" value="tok"' in html


def test_the_styleguide_draws_every_state_and_has_nothing_inline():
    with timezone.override(PARIS):
        html = render_to_string(
            "desk/styleguide.html", sample_context(), RequestFactory().get("/styleguide/")
        )
    assert html.count('class="st') >= len(PostState) + len(DeliveryState)
    assert "style=" not in html
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"\son[a-z]+=", html)


def test_fields_tie_help_and_errors_to_their_input():
    form = sample_context()["form"]
    html = drawn("{{ form.title.as_field_group }}", form=form)
    assert 'aria-describedby="id_title_helptext id_title_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_title_helptext"' in html
    assert 'id="id_title_error"' in html
    assert '<label for="id_title">' in html


def test_vendored_files_are_the_ones_that_were_checked():
    folder = settings.BASE_DIR / "static" / "vendor"
    for line in (folder / "CHECKSUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name
