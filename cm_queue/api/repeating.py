"""Idempotency-Key: a POST that is repeated within a day gets the same answer and does nothing twice.

The key is taken first, in a transaction of its own, so that of two simultaneous repeats one acts. The
act and its stored answer are then one transaction: killed in between, neither exists.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from contextlib import nullcontext
from datetime import timedelta
from typing import Final

from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiToken, RepeatedCall
from accounts.refusals import Invalid, LostRace, Refused
from cm_queue.api.problems import CONTENT_TYPE

KEY: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replay"
KEPT: Final = timedelta(hours=24)
# A call that took this long was killed: nothing of it was committed, so the next one may act.
GIVEN_UP: Final = timedelta(minutes=2)


def once(
    request: HttpRequest, token: ApiToken, act: Callable[[], HttpResponse], *, together: bool = True
) -> HttpResponse:
    """The answer of `act`, or the one it gave before under this key. `together` puts the act and its
    answer in one transaction; not for what takes long and is harmless to repeat.

    Raises Invalid for a key that was used for something else, Refused (409) while the first call runs.
    """
    mine = _take(token, _read_key(request), _fingerprint(request))
    if mine.status is not None:
        return _replay(mine)
    kept = False
    try:
        with transaction.atomic() if together else nullcontext():
            response = act()
            kept = _is_kept(response)
            if kept:
                _keep(mine, response)
            elif together:
                transaction.set_rollback(True)
    except Refused:
        kept = False
        raise
    finally:
        if not kept:
            RepeatedCall.objects.filter(pk=mine.pk, created_at=mine.created_at, status=None).delete()
    return response


def _is_kept(response: HttpResponse) -> bool:
    return response.status_code < 500 and response.status_code != 401


def _read_key(request: HttpRequest) -> str:
    key = request.headers[KEY].strip()
    if not re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        sentence = _("A key has 1 to 255 visible ASCII characters.")
        raise Invalid("bad_idempotency_key", sentence, fields={KEY: [sentence]})
    return key


def _fingerprint(request: HttpRequest) -> str:
    """Of method, address and what was sent: of a form its parts, because a repeat draws another
    boundary; of JSON its values, because a repeat may order them otherwise."""
    hasher = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    hasher.update(json.dumps(getattr(request, "sent", None), sort_keys=True).encode())
    if request.content_type == "multipart/form-data":
        hasher.update(json.dumps(sorted(request.POST.lists())).encode())
    for name in sorted(request.FILES):
        for file in request.FILES.getlist(name):
            hasher.update(json.dumps([name, file.name]).encode())
            for chunk in file.chunks():
                hasher.update(chunk)
            file.seek(0)
    return hasher.hexdigest()


def _take(token: ApiToken, key: str, fingerprint: str) -> RepeatedCall:
    """The row of this key: ours to fill when its status is None, else the answer to give again."""
    now = timezone.now()
    RepeatedCall.objects.filter(created_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            return RepeatedCall.objects.create(token=token, key=key, fingerprint=fingerprint, created_at=now)
    except IntegrityError:
        known = RepeatedCall.objects.filter(token=token, key=key).first()
    if known is not None and known.fingerprint != fingerprint:
        sentence = _("This key was used for another call. Take a new one.")
        raise Invalid("idempotency_key_reused", sentence, fields={KEY: [sentence]})
    if known is not None and known.status is not None:
        return known
    if known is None or not _take_over(known):
        sentence = _("The first call with this key is still under way. Ask again in a moment.")
        raise LostRace("call_under_way", sentence)
    return known


def _take_over(known: RepeatedCall) -> bool:
    now = timezone.now()
    if known.created_at > now - GIVEN_UP:
        return False
    same = RepeatedCall.objects.filter(pk=known.pk, created_at=known.created_at, status=None)
    known.created_at = now
    return same.update(created_at=now) == 1


def _keep(mine: RepeatedCall, response: HttpResponse) -> None:
    """Raises LostRace when the call took so long that another one acts in its place: ours is undone."""
    kept = RepeatedCall.objects.filter(pk=mine.pk, created_at=mine.created_at, status=None).update(
        status=response.status_code, body=response.content.decode()
    )
    if kept != 1:
        raise LostRace("call_under_way", _("This call took too long, and another one acts in its place."))


def _replay(known: RepeatedCall) -> HttpResponse:
    status = known.status or 200
    kind = CONTENT_TYPE if status >= 400 else "application/json; charset=utf-8"
    return HttpResponse(known.body, status=status, content_type=kind, headers={REPLAYED: "true"})
