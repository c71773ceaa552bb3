"""Every component in every state, on one page for those who build the others (staff only)."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import cache
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from adapters.base import Count, Payload
from approvals.naming import NETWORKS, OWN_NETWORKS
from cm_queue.desk.alarming import Alarm
from posts.lifecycle import DeliveryState, PostState

AURORE = (
    "La lampe Aurore arrive ce midi. Elle se lève avec vous, en trente minutes.\n\nPrix de lancement : 149 €."
)
ALT = "Une lampe à dôme blanc, pied en laiton, allumée sur une table en bois."
DIGEST = "7c1e90ab42f3d5e8" * 4


class Sample(forms.Form):
    """One of each kind of field, bound with mistakes, so that errors show where they belong."""

    title = forms.CharField(label="Titre", help_text="Une phrase, comme vous la diriez.")
    text = forms.CharField(
        label="Texte", widget=forms.Textarea(attrs={"data-count": "300", "data-count-into": "sg-count"})
    )
    kind = forms.ChoiceField(
        label="Genre",
        choices=[("routine", "courant"), ("launch", "lancement"), ("reply", "réponse")],
        widget=forms.RadioSelect,
    )
    channels = forms.MultipleChoiceField(
        label="Canaux",
        choices=[("mastodon", "Mastodon"), ("demo", "Démonstration")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    language = forms.ChoiceField(label="Langue", choices=[("fr", "français"), ("en", "anglais")])
    picture = forms.FileField(label="Image", required=False)
    sure = forms.BooleanField(label="J’ai lu ce que le public verra")


@cache
def _drawings() -> list[str]:
    sprite = (settings.BASE_DIR / "static" / "icons.svg").read_text(encoding="utf-8")
    return re.findall(r'<symbol id="([a-z0-9]+)"', sprite)


def _requirements() -> list[dict[str, Any]]:
    return [
        {"domain": "craft", "level": 2, "covered_by": ["Marc", "Nadia"], "missing": 0, "could": []},
        {"domain": "channel:mastodon", "level": 2, "covered_by": ["Marc"], "missing": 0, "could": []},
        {
            "domain": "company",
            "level": 2,
            "covered_by": [],
            "missing": 1,
            "could": ["Nadia", "Victor", "Hugo"],
        },
        {
            "domain": "product:lampe-aurore",
            "label": "lampe Aurore",
            "level": 2,
            "covered_by": [],
            "missing": 1,
            "could": ["Sofia"],
        },
        {"domain": "crisis", "level": 2, "covered_by": ["Victor"], "missing": 1, "could": []},
    ]


def _payload(**body: Any) -> Payload:
    picture = {
        "sha256": DIGEST,
        "mime": "image/svg+xml",
        "alt": ALT,
        "width": 640,
        "height": 640,
        "src": "/static/mark.svg",
    }
    first = {"text": AURORE, "media": [picture]}
    return Payload(
        "mastodon", "mastodon", {"parts": [first], "visibility": "public", "language": "fr", **body}
    )


def sample_context() -> dict[str, Any]:
    """All that the template shows. French samples: it is the longer of the two languages."""
    now = timezone.now()
    thread = [
        {"text": AURORE, "media": []},
        {
            "text": "Et voici la notice, en vidéo.",
            "media": [{"sha256": DIGEST, "alt": "", "src": "/static/mark.svg"}],
        },
    ]
    return {
        "alarms": [
            Alarm("Crise en cours : 5 posts suspendus, aucun perdu.", "#", "Voir ce qui est suspendu"),
            Alarm("Mastodon est en pause jusqu’à 18 h.", "#", incident=False),
        ],
        "drawings": _drawings(),
        "posts": list(PostState),
        "deliveries": list(DeliveryState),
        "networks": [*NETWORKS, *OWN_NETWORKS, "inconnu"],
        "levels": range(4),
        "needed": _requirements(),
        "moments": [now + timedelta(minutes=away) for away in (85, 2880, -57600, 0)],
        "payload": _payload(),
        "threaded": _payload(parts=thread, content_warning="lumière vive"),
        "empty_payload": Payload("console", "console", {"parts": [{"text": "", "media": []}]}),
        "counts": [Count(266, 500)],
        "too_many": [Count(328, 300, "graphemes"), Count(28, 300, "graphemes", 1)],
        "segments": [
            (0, "Elle se lève avec vous "), (-1, "en quelques minutes"), (1, "en trente minutes"),
            (0, ", dans n"), ("odd", "о", "U+043E, lettre cyrillique"), (0, "s boutiques."),
        ],
        "digest": DIGEST,
        "form": Sample({"text": AURORE, "kind": "launch", "channels": ["demo"], "language": "fr"}),
        "page": Paginator(range(95), 20).page(2),
        "saved": _("Saved at %(time)s") % {"time": "9 h 49"},
    }  # fmt: skip


def styleguide(request: HttpRequest) -> HttpResponse:
    """Nobody outside the staff needs to know that it exists."""
    if not (request.user.is_authenticated and request.user.is_staff):
        raise Http404
    return render(request, "desk/styleguide.html", sample_context())
