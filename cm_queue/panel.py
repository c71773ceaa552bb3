"""The admin panel as one place: who gets in, what is registered, and RQ's pages beside it.

Only what this house wrote an admin page for is in it. The pages that Django and allauth register by
themselves (groups, addresses, second factors) would write and delete without a word in the journal.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import django_rq.urls
from django.contrib.admin import AdminSite
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django_rq import get_connection
from rq import Worker
from rq.exceptions import NoSuchJobError

from accounts.models import User
from cm_queue import halting, minding

OURS: Final = frozenset({"accounts", "approvals", "cm_queue", "journal", "posts", "publishing"})
QUEUES: Final = "django_rq.admin"


class Panel(AdminSite):
    site_header = site_title = "CM Queue"
    index_title = gettext_lazy("Running the place")
    index_template = "admin/running.html"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        if admin_class is not None and admin_class.__module__.partition(".")[0] in OURS:
            super().register(model_or_iterable, admin_class, **options)

    def get_urls(self) -> list[Any]:
        own = [
            path("stop/", self.admin_view(halting.stop_everything), name="stop_everything"),
            path("start/<int:pk>/", self.admin_view(halting.start_again), name="start_brand"),
        ]
        return own + super().get_urls()

    def index(self, request: HttpRequest, extra_context: Any = None) -> Any:
        def may_see(model: type[Model]) -> bool:
            return bool(self.get_model_admin(model).has_view_permission(request))

        extra = {**(extra_context or {}), **halting.what_runs(request)}
        if isinstance(request.user, User):
            extra |= minding.minding(request.user, may_see)
        return super().index(request, extra)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """People sign in where everybody does: second factor, passkeys and rate limits included."""
        if request.user.is_authenticated:
            if not self.has_permission(request):
                raise PermissionDenied(_("Your account may not open the admin panel."))
            return HttpResponseRedirect(reverse("admin:index"))
        index = reverse("admin:index")
        wanted = request.GET.get(REDIRECT_FIELD_NAME, index)
        if not url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()):
            wanted = index
        return redirect_to_login(wanted)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """One's own password is changed where everybody does it; no other can be."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def password_change_done(self, request: HttpRequest, extra_context: Any = None) -> Any:
        return HttpResponseRedirect(reverse("admin:index"))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        found = super().get_app_list(request, app_label)
        if app_label is None and may_see_queues(request):
            found.append(_queue_entry())
        return found


def may_see_queues(request: HttpRequest) -> bool:
    """Whether RQ's pages are open: to active staff with the permission, superusers among them."""
    user = request.user
    return bool(user.is_active and getattr(user, "is_staff", False) and user.has_perm(QUEUES))


def _queue_entry() -> dict[str, Any]:
    address = reverse("django_rq:home")
    page = {
        "name": _("Workers and queues"),
        "object_name": "Dashboard",
        "admin_url": address,
        "add_url": None,
        "view_only": True,
        "perms": {"add": False, "change": False, "delete": False, "view": True},
    }
    return {
        "name": "RQ",
        "app_label": "django_rq",
        "app_url": address,
        "has_module_perms": True,
        "models": [page],
    }


def _guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not may_see_queues(request):
            raise PermissionDenied(_("Your account may not see the queues."))
        if "key" in kwargs and kwargs["key"] not in _workers():
            raise Http404(_("There is no such worker."))
        try:
            return view(request, *args, **kwargs)
        except (NoSuchJobError, ImproperlyConfigured) as gone:
            # A job that has ended meanwhile, or the pages of RQ's own scheduler, which is not used here.
            raise Http404(str(gone)) from gone

    return guarded


def _workers() -> set[str]:
    """The keys of those that are there: RQ's page takes for granted that one listed a while ago still is."""
    return {worker.key for worker in Worker.all(connection=get_connection())}


# RQ's own check is "staff", for its statistics also a token: ours is the permission, for every page.
queue_pages: Final = (
    [
        URLPattern(one.pattern, _guarded(one.callback), one.default_args, one.name)
        for one in django_rq.urls.urlpatterns
    ],
    django_rq.urls.app_name,
)
