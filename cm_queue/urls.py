"""Where everything is reached."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from cm_queue import feeding
from cm_queue.panel import queue_pages

# /healthz and /readyz are answered by cm_queue/health.py, before sessions and all that stands here.
urlpatterns = [
    # First: the desk extends allauth's sign-in and Django's choice of language.
    path("", include("cm_queue.desk.urls")),
    # For everybody, without sign-in: what is out on a brand's own feed.
    path("feeds/<slug:brand>/<slug:channel>.atom", feeding.feed, name="feed"),
    path("feeds/<slug:brand>/<slug:channel>/media/<str:name>", feeding.feed_media, name="feed_media"),
    path("accounts/", include("allauth.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/rq/", include(queue_pages)),
    path("admin/", admin.site.urls),
    path("api/v1/", include("cm_queue.api.urls")),
]
