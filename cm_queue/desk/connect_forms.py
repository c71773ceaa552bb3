"""What is asked for when a channel is added or reconnected: by signing in at the network, or with a secret that was
made there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.refusals import Invalid
from adapters.base import Adapter
from adapters.registry import ADAPTERS, SIGN_INS
from posts.models import Channel
from posts.rendering import adapter_of
from publishing.signing_in import Offer, may_sign_in


def offered() -> Sequence[type[Adapter]]:
    """The networks that can be connected here: the demonstration's only in the demonstration."""
    return [one for one in ADAPTERS.values() if settings.DEMO or one.network != "demo"]


def refuse(form: forms.Form, refusal: Invalid) -> None:
    """Puts each sentence at its field, or above them all."""
    for name, sentences in refusal.fields.items():
        field = next((one for one in (name, f"set-{name}") if one in form.fields), None)
        for sentence in sentences:
            form.add_error(field, sentence)
    if not refusal.fields:
        form.add_error(None, refusal.sentence)


class ConnectForm(forms.Form):
    """A name, what the adapter asks for, and its secret, which is shown to nobody ever again."""

    name = forms.CharField(label=gettext_lazy("Name of the channel"), max_length=120)

    def __init__(self, *args: Any, adapter: type[Adapter], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.adapter = adapter
        for one in adapter.settings:
            kind = {"inputmode": "url"} if one.kind == "url" else {}
            self.fields[f"set-{one.name}"] = forms.CharField(
                label=_(one.label),
                required=one.required,
                help_text=_(one.help) if one.help else "",
                max_length=500,
                widget=forms.TextInput(attrs=kind),
            )
        if adapter.secret_label:
            self.fields["secret"] = forms.CharField(
                label=_(adapter.secret_label),
                strip=True,
                max_length=4000,
                help_text=_("Kept encrypted. Nobody sees it again, you included."),
                widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
            )

    def given(self) -> dict[str, str]:
        return {one.name: self.cleaned_data[f"set-{one.name}"] for one in self.adapter.settings}


class ReconnectForm(ConnectForm):
    """The same for a channel that there is: its settings as they are, and another secret if one is typed."""

    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        initial = {f"set-{name}": value for name, value in channel.settings.items()}
        super().__init__(*args, adapter=adapter_of(channel), initial=initial, **kwargs)
        del self.fields["name"]
        if "secret" in self.fields:
            self.fields["secret"].required = False
            self.fields["secret"].help_text = _("Left empty, the one there is stays.")


class SignInForm(forms.Form):
    """Before somebody is sent to a network: the channel's name, and the server where a network has many."""

    name = forms.CharField(label=gettext_lazy("Name of the channel"), max_length=120)

    def __init__(self, data: Any = None, *, network: str, initial: dict[str, str] | None = None) -> None:
        # The other form of the page asks for a name too.
        super().__init__(data, auto_id="in_%s", initial=initial)
        if SIGN_INS[network].registers:
            self.fields["base_url"] = forms.CharField(
                label=_("Server's address"),
                max_length=200,
                help_text=_("For example mastodon.social, or the account's whole name."),
                widget=forms.TextInput(attrs={"inputmode": "url", "autocapitalize": "off"}),
            )

    def server(self) -> str:
        return str(self.cleaned_data.get("base_url", ""))


class ChooseForm(forms.Form):
    """Which of the accounts that a sign-in opened."""

    def __init__(self, *args: Any, offers: Sequence[Offer], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        free = [(one.account.account, one.account.handle) for one in offers if not one.taken]
        self.fields["account"] = forms.ChoiceField(
            label=_("Account"),
            choices=free,
            initial=free[0][0] if len(free) == 1 else None,
            widget=forms.RadioSelect,
            error_messages={
                "required": _("Choose one of the accounts."),
                "invalid_choice": _("Choose one of the accounts."),
            },
        )


def why_no_sign_in(network: str) -> str:
    """Why a token has to be pasted, in one sentence; empty where nobody could sign in anyway, or everybody can."""
    if network not in SIGN_INS or may_sign_in(network):
        return ""
    return _(
        "Signing in there is not set up: whoever runs this installation enters an app for this network first."
        " Until then, paste an access token."
    )
