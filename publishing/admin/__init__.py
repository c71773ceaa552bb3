"""Channels and what the release engine does, in the admin panel. Acts go through the verbs; secrets stay."""

from publishing.admin import channels, sending

__all__ = ["channels", "sending"]
