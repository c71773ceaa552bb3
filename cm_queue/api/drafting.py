"""Routes that write a post: create, upload, change, clone, submit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import File, Router, Status
from ninja.files import UploadedFile

from accounts.models import Brand
from accounts.refusals import Invalid
from approvals import reviewing
from approvals.forfeiting import forfeit
from cm_queue.api import answers, calling, shapes
from cm_queue.api.bodies import CreateIn, DraftIn
from cm_queue.api.calling import brand_named, caller, demand_here, revision_seen
from posts import drafting
from posts.filling import as_draft, template_of
from posts.models import Media, Post
from posts.policies import get_post
from posts.reading import Draft
from posts.uploading import upload

router = Router(tags=["posts"])


def post_here(request: HttpRequest, pk: int) -> Post:
    """The post, authorised, of the token's brand. Raises NotHere for any other as for none."""
    post = get_post(caller(request), pk)
    demand_here(request, post.brand_id, "no_such_post", _("There is no such post."))
    return post


@contextmanager
def unchanged(request: HttpRequest, pk: int) -> Iterator[None]:
    """Keeps the post at the revision of `If-Match` while a verb acts on it. Raises Stale (412)."""
    post_here(request, pk)
    seen = revision_seen(request)
    if seen is None:
        yield
        return
    with reviewing.opened(caller(request), pk) as post:
        drafting.demand_fresh(post, seen)
        yield


def answer_with_tag(response: HttpResponse, pk: int) -> shapes.Post:
    """The whole post, and as ETag the number to send back in If-Match."""
    told = answers.post(pk)
    response.headers["ETag"] = f'"{told["revision"]["number"]}"'
    return told


def with_media(brand: Brand, draft: Draft) -> Draft:
    """A picture may be named by the hash of its bytes instead of its number."""
    nameless = [item for item in draft.get("media", []) if item.get("id") is None and item.get("sha256")]
    if nameless:
        hashes = {item["sha256"] for item in nameless}
        known = dict(Media.objects.filter(brand=brand, sha256__in=hashes).values_list("sha256", "pk"))
        for item in nameless:
            item["id"] = known.get(item["sha256"])
    return draft


@router.post("/brands/{slug}/posts", response={201: shapes.Post}, auth=calling.Draft())
def create_post(
    request: HttpRequest, response: HttpResponse, slug: str, body: CreateIn
) -> Status[shapes.Post]:
    """A new draft by the token's person. It saves with its `problems`; submitting refuses them. With
    `template`, what is left out is the template's."""
    brand = brand_named(request, slug)
    draft = with_media(brand, body.as_draft())
    if body.template is not None:
        draft = {**as_draft(template_of(brand, body.template)), **draft}
    made = reviewing.draft(caller(request), brand, draft)
    return Status(201, answer_with_tag(response, made.pk))


@router.post("/brands/{slug}/media", response={201: shapes.Media}, auth=calling.Draft())
def upload_media(request: HttpRequest, slug: str, file: File[UploadedFile]) -> Status[shapes.Media]:
    """Takes a picture in (JPEG, PNG, WebP, GIF, HEIC), stripped of its metadata. The same bytes twice are one."""
    brand = brand_named(request, slug)
    try:
        made = upload(caller(request), brand, file, file.name or "", file.size)
    except Invalid as refusal:
        raise Invalid(refusal.code, refusal.sentence, fields={"file": [refusal.sentence]}) from None
    return Status(
        201,
        {
            "id": made.pk,
            "sha256": made.sha256,
            "type": made.mime,
            "size": made.size,
            "width": made.width,
            "height": made.height,
        },
    )


@router.get("/posts/{int:pk}", response=shapes.Post, auth=calling.Read())
def read_post(request: HttpRequest, response: HttpResponse, pk: int) -> shapes.Post:
    """The whole post: content, problems, gate, decisions, deliveries."""
    post_here(request, pk)
    return answer_with_tag(response, pk)


@router.patch("/posts/{int:pk}", response=shapes.Post, auth=calling.Draft())
def change_post(request: HttpRequest, response: HttpResponse, pk: int, body: DraftIn) -> shapes.Post:
    """A new revision with what is sent; what is left out stays. Whoever changes the content can no longer
    approve it. Of a post in review or beyond the revision is sealed at once, and read again."""
    post = post_here(request, pk)
    draft = with_media(post.brand, body.as_draft())
    cost = forfeit(caller(request), post, draft)
    reviewing.revise(caller(request), pk, draft, seen=revision_seen(request))
    told = answer_with_tag(response, pk)
    if cost is not None:
        told["consequences"] = [{"code": "no_longer_approves", "message": cost.sentence}]
    return told


@router.post("/posts/{int:pk}/clone", response={201: shapes.Post}, auth=calling.Draft())
def clone_post(request: HttpRequest, response: HttpResponse, pk: int) -> Status[shapes.Post]:
    """A new draft with the same content, in the same lineage. Answers the new post."""
    with unchanged(request, pk), transaction.atomic():
        fresh = drafting.clone(caller(request), post_here(request, pk))
    return Status(201, answer_with_tag(response, fresh.pk))


@router.post("/posts/{int:pk}/submit", response=shapes.Post, auth=calling.Draft())
def submit_post(request: HttpRequest, pk: int) -> shapes.Post:
    """Seals what the public will receive and asks for review. 422 with every problem."""
    with unchanged(request, pk):
        reviewing.submit(caller(request), pk)
    return answers.post(pk)
