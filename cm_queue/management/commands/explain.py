"""`manage.py explain POST_ID`: why a post is or is not out, in one sentence, then the facts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.translation import gettext as _

from approvals.facts import load_one
from approvals.gate import Verdict, evaluate
from approvals.reviewing import moment_of
from approvals.wording import Words, kind_name
from cm_queue.desk import signs
from cm_queue.desk.checking import checklist, words_of
from cm_queue.desk.explaining import Telling, why_not_out
from cm_queue.desk.recounting import Sent, outcome_word, sent, state_word
from journal import moments
from posts.models import Post
from posts.titling import title_of


class Command(BaseCommand):
    help = "Says why a post is or is not out, in one sentence, then the facts."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("post_id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        post = (
            Post.objects.select_related("brand", "revision", "author", "held_by")
            .filter(pk=options["post_id"])
            .first()
        )
        if post is None:
            raise CommandError(f"There is no post {options['post_id']}.")
        facts = load_one(post).facts
        verdict = evaluate(facts, moment_of(post, facts.taken_at))
        words = words_of(post.brand)
        with timezone.override(post.brand.zone):
            lines = [
                why_not_out(post, verdict, Telling.about([post], words)),
                "",
                *_about(post),
                *_requirements(verdict, words),
                *[f"  – {words.sentence(reason)}" for reason in verdict.reasons],
                *[line for one in sent(post) for line in _delivery(one)],
            ]
        self.stdout.write("\n".join(lines))


def _about(post: Post) -> list[str]:
    slot = moments.when(post.slot) if post.slot else _("on approval") if post.on_approval else _("no slot")
    told = {
        "pk": post.pk,
        "title": title_of(post, 60),
        "kind": kind_name(post.kind),
        "who": post.author.name,
        "state": signs.sign_of_state(post.state).word,
        "code": post.state,
        "slot": slot,
        "zone": post.brand.time_zone,
    }
    return [
        _("Post %(pk)s: %(title)s · %(kind)s · %(who)s") % told,
        _("State: %(state)s (%(code)s)") % told,
        _("Slot: %(slot)s (%(zone)s)") % told,
        _("Gate:"),
    ]


def _requirements(verdict: Verdict, words: Words) -> list[str]:
    lines = []
    for row in checklist(verdict, words):
        covered, could = ", ".join(row["covered_by"]), ", ".join(row["could"])
        if row["missing"]:
            said = _("%(n)s missing; could: %(who)s") % {"n": row["missing"], "who": could or "–"}
        else:
            said = _("covered by %(who)s") % {"who": covered or "–"}
        lines.append(f"  {'✓' if not row['missing'] else '□'} {row['label']} {row['level']}: {said}")
    reading = verdict.reading
    if reading.needed:
        people = {"have": len(reading.have), "n": reading.needed}
        lines.append("  " + _("people: %(have)s of %(n)s") % people)
    return lines


def _delivery(one: Sent) -> list[str]:
    row = one.delivery
    head = f"{row.channel.name}: {state_word(row)} ({row.state})"
    lines = [f"{head} · {one.url}" if one.url else head]
    for attempt in one.attempts:
        parts = [moments.when(attempt.started_at), outcome_word(attempt), attempt.answer, attempt.url]
        lines.append("  " + " · ".join(part for part in parts if part))
    return lines
