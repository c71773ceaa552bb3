"""The addresses in a post, for whoever decides: which are new, what is odd about them, and where they lead.

Where an address leads is asked when a reader presses the button, never while a page is made: whoever owns the
address learns that somebody looked. What was answered is kept for a while, for the next reader.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from django.core.cache import cache
from django.utils.translation import gettext as _

from adapters.tracing import STEP_S, Trace, trace_all
from cm_queue.desk.diffing import links_of
from cm_queue.desk.proofing import Proof
from publishing.dialling import strangers_client

# At most so many are asked about with one press.
MOST = 8
KEPT_S = 3600
_SHORTENERS = (
    "bit.ly t.co tinyurl.com goo.gl ow.ly buff.ly lnkd.in is.gd v.gd cutt.ly rebrand.ly urlz.fr lc.cx frama.link "
    "t.ly dlvr.it fb.me amzn.to amzn.eu shorturl.at tiny.cc x.gd n9.cl rb.gy trib.al spr.ly aka.ms g.co wp.me "
    "hubs.ly hubs.la mailchi.mp s.id shor.by bl.ink soo.gd adf.ly qrco.de urlr.me huit.re vu.fr"
)
_SHORT = frozenset(_SHORTENERS.split())


@dataclass(frozen=True, slots=True)
class Lead:
    """One address as it stands in the text. `signs` are sentences on what is odd about it; `trace` where it
    leads, None before anybody asked; `told` says that in a sentence when there is no address to show."""

    shown: str
    host: str
    new: bool
    signs: Sequence[str]
    trace: Trace | None = None

    @property
    def end_host(self) -> str:
        return host_of(self.trace.end) if self.trace else ""

    @property
    def elsewhere(self) -> bool:
        """Whether it leads to another site than the one that is written."""
        return bool(self.trace) and _bare(self.end_host) != _bare(self.host)

    @property
    def told(self) -> str:
        return _why(self.trace.why) if self.trace else ""


def leads_of(proof: Proof, answers: Mapping[str, Trace] | None = None) -> dict[str, Any]:
    """`leads`, the addresses of what is read, those that are new since the last reading marked; `unasked`, whether
    there are some that nobody asked about. `answers` are those of a moment ago; others come from what was kept."""
    links = links_of(one.payload for one in proof.previews)
    new = proof.changes.new_links if proof.changes is not None else ()
    known = {**kept(links), **(answers or {})}
    leads = [_lead(link, new, known.get(link)) for link in links]
    return {"leads": leads, "unasked": any(one.trace is None for one in leads)}


def _lead(link: str, new: Collection[str], trace: Trace | None) -> Lead:
    return Lead(link, host_of(link), link in new, signs_of(link), trace)


def host_of(url: str) -> str:
    """The name of the site, without what only makes it longer."""
    parts = _split(url)
    return (parts.hostname or "") if parts else ""


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url if "://" in url else f"https://{url}")
    except ValueError:
        return None


def _bare(host: str) -> str:
    return host.removeprefix("www.")


def signs_of(url: str) -> list[str]:
    """What a reader should know of an address before they trust it."""
    parts = _split(url)
    if parts is None or not parts.hostname:
        return []
    host, found = parts.hostname, []
    if _bare(host) in _SHORT:
        found.append(_("shortened: it does not show where it leads"))
    if not host.isascii() or host.startswith("xn--") or ".xn--" in host:
        found.append(_("letters of another alphabet in the site’s name (%(name)s)") % {"name": _plain(host)})
    if _is_number(host):
        found.append(_("a number instead of a site’s name"))
    if parts.username is not None:
        found.append(_("the site is %(host)s, whatever stands before the @") % {"host": host})
    if parts.scheme == "http":
        found.append(_("not encrypted (http://)"))
    return found


def _plain(host: str) -> str:
    """The name that is looked up, in the letters of ASCII."""
    try:
        return host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return host


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _why(why: str) -> str:
    return {
        "private": _("It leads into a private network: nobody outside can open it, and we did not ask."),
        "no_address": _("It leads to something that is no web address."),
        "no_name": _("There is no site of that name."),
        "no_answer": _("The site did not answer."),
        "too_slow": _("The site took too long to answer."),
        "too_far": _("It goes on and on: we stopped following it."),
        "missing": _("The site says that there is nothing there."),
    }.get(why, "")


# --- Asking ---------------------------------------------------------------------------------------
def ask(proof: Proof) -> dict[str, Trace]:
    """Asks where the first `MOST` addresses lead, those apart about which somebody asked lately; a few seconds
    at most."""
    links = links_of(one.payload for one in proof.previews)
    known = kept(links)
    answers = dict(trace_all(strangers_client(STEP_S), [link for link in links if link not in known][:MOST]))
    keep(answers)
    return answers


def keep(answers: Mapping[str, Trace]) -> None:
    """For the next reader, within the hour."""
    cache.set_many({_key(link): found for link, found in answers.items()}, KEPT_S)


def kept(links: Collection[str]) -> dict[str, Trace]:
    """What was answered within the hour, by address."""
    keys = {_key(link): link for link in links}
    return {keys[key]: found for key, found in cache.get_many(keys).items()} if keys else {}


def _key(link: str) -> str:
    return f"lead:{hashlib.sha256(link.encode()).hexdigest()}"
