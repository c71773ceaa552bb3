"""Serves an image to those who may see it, as exactly the bytes that the public would receive."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from cm_queue.desk.guarding import MemberRequest, for_members
from posts.lending import NotLent, lent
from posts.models import Media
from posts.uploading import MediaChanged, read_media


@require_safe
@for_members
def media_file(request: MemberRequest, sha256: str) -> HttpResponseBase:
    """For members of the brand it belongs to; to anybody else it does not exist. Its address is its
    content, so a browser may keep it for good, but no cache in between."""
    mine = [membership.brand_id for membership in request.memberships]
    media = Media.objects.filter(sha256=sha256, brand_id__in=mine).first()
    if media is None:
        raise Http404
    try:
        data = read_media(media.brand_id, sha256)
    except MediaChanged as error:
        raise Http404 from error
    return HttpResponse(
        data,
        content_type=media.mime,
        headers={
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, max-age=31536000, immutable",
            "Content-Disposition": "inline",
        },
    )


@require_safe
def lent_file(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    """For a network that fetches a picture of a post by itself: no sign-in, but a signature that runs out."""
    try:
        data, mime = lent(token, name)
    except NotLent as error:
        raise Http404 from error
    return HttpResponse(
        data,
        content_type=mime,
        headers={
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
            "Content-Disposition": "inline",
            "X-Robots-Tag": "noindex",
        },
    )
