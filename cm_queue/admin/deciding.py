"""Deciding on a post from the panel: as oneself, on the bytes on the screen, by the same verb as the desk.

Running the place gives no expertise: what a superuser without it says is refused or advisory, as for anybody.
"""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import Shown, actor_of
from accounts.refusals import Refused
from approvals import reviewing
from approvals.forewarning import forewarn
from approvals.models import Decision, Motive, Verdict
from approvals.standing import DESK_SHELF
from cm_queue.admin.story import stands
from cm_queue.desk.forms import DecisionForm, refuse
from cm_queue.desk.proofing import previews_of
from cm_queue.desk.proving import prove_presence
from cm_queue.desk.signs import sign_of_state
from posts.drafting import current
from posts.models import Post
from posts.titling import title_of


class PanelDecisionForm(DecisionForm):
    decision = forms.ChoiceField(
        label=gettext_lazy("Decision"), choices=Verdict.choices, widget=forms.RadioSelect
    )
    motive = forms.ChoiceField(
        label=gettext_lazy("What is it about?"),
        choices=[("", "–"), *Motive.choices],
        required=False,
        help_text=gettext_lazy("Needed to ask for changes or to reject, with a sentence."),
    )
    field_order = ("decision", "motive", "comment", "digest")


class Deciding:
    """One request of the page."""

    def __init__(self, page: Shown, request: HttpRequest, post: Post) -> None:
        self.page, self.request, self.post = page, request, post

    def answer(self) -> HttpResponse:
        if self.request.method != "POST":
            return self._ask(PanelDecisionForm(initial={"digest": current(self.post).digest}))
        form = PanelDecisionForm(self.request.POST)
        if not form.is_valid():
            return self._ask(form)
        try:
            decision = self._decide(form)
        except Refused as refusal:
            return self._refused(form, refusal)
        messages.success(self.request, self._thanks(decision))
        for one in forewarn(decision):
            messages.warning(self.request, one.sentence)
        return HttpResponseRedirect(self.page.own("change", self.post.pk))

    def _decide(self, form: PanelDecisionForm) -> Decision:
        said = form.cleaned_data
        rules = DESK_SHELF.of(self.post.brand).rules
        present = rules is not None and rules.reauthenticate
        if present:
            prove_presence(self.request)
        word = reviewing.Word(said["decision"], said["digest"], said["comment"], said["motive"], present)
        return reviewing.decide(actor_of(self.request), self.post.pk, word)

    def _refused(self, form: PanelDecisionForm, refusal: Refused) -> HttpResponse:
        """The page again, with what was typed; where the bytes are others now, with those."""
        status = refusal.status
        if refusal.code == "stale_digest":
            self.post.refresh_from_db()
            form = PanelDecisionForm({**form.cleaned_data, "digest": current(self.post).digest})
        refuse(form, refusal)
        answer = self._ask(form)
        answer.status_code = status
        return answer

    def _ask(self, form: PanelDecisionForm) -> HttpResponse:
        previews, sealed = previews_of(self.post)
        return self.page.ask(
            self.request,
            form,
            _("Decide on %(post)s") % {"post": self.post},
            _("Say so"),
            about="admin/posts/post/about.html",
            post=self.post,
            heading=title_of(self.post),
            state=sign_of_state(self.post.state).word,
            previews=previews,
            sealed=sealed,
            stands=stands(self.post),
            back=self.page.own("change", self.post.pk),
        )

    def _thanks(self, decision: Decision) -> str:
        self.post.refresh_from_db(fields=["state"])
        words = {"state": sign_of_state(self.post.state).word}
        if decision.decision == Verdict.APPROVE and not decision.rests_on:
            return (
                _("Your word is kept, as advice: it rests on no expertise. The post is now: %(state)s.")
                % words
            )
        return _("Your word counts. The post is now: %(state)s.") % words
