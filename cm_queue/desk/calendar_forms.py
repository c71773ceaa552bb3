"""What a calendar is asked for, and to what time a post on it is moved."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from approvals.wording import kind_name
from cm_queue.desk import signs
from cm_queue.desk.compose_forms import twice
from cm_queue.desk.forms import offer
from cm_queue.desk.planning import Wanted
from posts.lifecycle import PostState
from posts.models import Kind


class FilterForm(forms.Form):
    """A filter that cannot be read filters nothing."""

    channel = forms.ChoiceField(label=gettext_lazy("Channel"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)

    def __init__(self, *args: Any, brand: Brand, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "f-%s", **kwargs})
        channels = brand.channels.order_by("name", "pk").values_list("key", "name", "pk")
        self._channels = {key: pk for key, _name, pk in channels}
        offer(self, "channel", [("", _("every channel")), *((key, name) for key, name, _pk in channels)])
        kinds = [(one.value, kind_name(one.value)) for one in Kind]
        offer(self, "kind", [("", _("every kind")), *kinds])
        states = [(one.value, signs.POSTS[one].word) for one in PostState]
        offer(self, "state", [("", _("every state")), *states])

    def given(self) -> dict[str, str]:
        """The filters as they stand in an address."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}

    @property
    def query(self) -> str:
        """The same behind another parameter."""
        return f"&{urlencode(self.given())}" if self.given() else ""

    def wanted(self) -> Wanted:
        given = self.given()
        return Wanted(
            self._channels.get(given.get("channel", "")), given.get("kind", ""), given.get("state", "")
        )


class MoveForm(forms.Form):
    """Another day and time by the brand's clocks. `seen` is the revision on the screen; `offset` says which of
    two hours is meant when the clocks go back; `knowing`: it may have to be approved again."""

    day = forms.DateField(
        label=gettext_lazy("Day"),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        input_formats=["%Y-%m-%d"],
    )
    time = forms.TimeField(
        label=gettext_lazy("Time"),
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        input_formats=["%H:%M", "%H:%M:%S"],
    )
    offset = forms.ChoiceField(
        label=gettext_lazy("That hour comes twice"), required=False, widget=forms.RadioSelect
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)
    knowing = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, brand: Brand, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "move-%s", **kwargs})
        both = twice(self._typed, brand) if self.is_bound else []
        named = [(f"{one:%z}"[:3] + ":" + f"{one:%z}"[3:5], one) for one in both]
        if named:
            offer(self, "offset", [(offset, f"{one:%H:%M} (UTC{offset})") for offset, one in named])
        else:
            del self.fields["offset"]

    @property
    def _typed(self) -> str:
        return f"{self.data.get('day', '')}T{self.data.get('time', '')}"

    @property
    def slot(self) -> str:
        """As the verb takes it: local to the brand, or with an offset where one was chosen."""
        naive = datetime.combine(self.cleaned_data["day"], self.cleaned_data["time"])
        return naive.isoformat() + str(self.cleaned_data.get("offset", ""))
