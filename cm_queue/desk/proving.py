"""Asks somebody who is signed in to say again who they are: for what a browser left open must not do."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse

from approvals.standing import DESK_SHELF
from cm_queue.desk.guarding import MemberRequest


@reauthentication_required  # type: ignore[untyped-decorator]
def prove_presence(request: HttpRequest) -> HttpResponse:
    """Raises allauth's ReauthenticationRequired, which its middleware turns into the question; what was sent
    goes on by itself after the answer."""
    return HttpResponse()


def prove_where_asked(request: MemberRequest) -> bool:
    """The same, where the brand's rules want decisions re-authenticated. Answers whether it was proved."""
    rules = DESK_SHELF.of(request.brand).rules
    if rules is None or not rules.reauthenticate:
        return False
    prove_presence(request)
    return True
