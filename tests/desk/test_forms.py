"""The forms of the desk: where a verb's refusal is shown, and what comes of a form that is sent."""

from __future__ import annotations

import pytest
from django import forms

from accounts.refusals import Invalid, NotHere, Refused
from approvals.models import Verdict
from cm_queue.desk.forms import DecisionForm, HoldForm, attempt, refuse
from cm_queue.desk.incident_forms import OverrideForm

SENTENCE = "Say in a sentence why."


def a_form() -> HoldForm:
    return HoldForm({"reason": "Vérifié."})


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (a_form(), "reason"),
        (OverrideForm({"decision": "1", "reason": "Vérifié."}), "reason"),
        (DecisionForm({"decision": Verdict.APPROVE.value}), "motive"),
    ],
)
def test_a_missing_reason_is_told_where_it_is_typed(form: forms.Form, field: str):
    assert form.is_valid()
    refuse(form, Invalid("reason_needed", SENTENCE, fields={"reason": [SENTENCE]}))
    assert form.errors == {field: [SENTENCE]}


def test_what_has_no_field_is_told_above_the_form():
    form = a_form()
    refuse(form, Invalid("bad_note", SENTENCE, fields={"note": [SENTENCE]}))
    assert form.non_field_errors() == [SENTENCE]


def test_each_of_several_forms_is_told_what_is_its_own():
    first, second = DecisionForm({"decision": Verdict.APPROVE.value}), a_form()
    fields = {"comment": ["Not that."], "reason": [SENTENCE]}
    refuse(first, Invalid("bad", "Both.", fields=fields), second)
    assert "comment" in first.errors
    assert second.errors == {"reason": [SENTENCE]}


# --- A form that is sent ----------------------------------------------------------------------------
def test_what_is_done_has_no_status():
    did: list[str] = []
    assert attempt(a_form(), lambda: did.append("held")) is None
    assert did == ["held"]


def test_an_unreadable_form_does_nothing():
    did: list[str] = []
    assert attempt(HoldForm({"reason": "x" * 501}), lambda: did.append("held")) == 422
    assert not did


def test_a_refusal_is_in_the_form():
    def refused() -> None:
        raise Refused("cannot_hold", SENTENCE)

    form = a_form()
    assert attempt(form, refused) == 409
    assert form.non_field_errors() == [SENTENCE]


def test_what_is_not_here_is_nobody_s_form():
    def gone() -> None:
        raise NotHere("no_such_post", SENTENCE)

    with pytest.raises(NotHere):
        attempt(a_form(), gone)
