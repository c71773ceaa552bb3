"""Routes that stop a whole brand before its next send, and start it again."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from accounts.models import Brand
from cm_queue.api import shapes
from cm_queue.api.answers import instant_or_none
from cm_queue.api.bodies import ReasonIn
from cm_queue.api.calling import Decide, Manage, brand_named, caller
from publishing.stopping import start_brand, stop_brand

router = Router(tags=["stopping"])


def _brand(pk: int) -> shapes.StoppedBrand:
    brand = Brand.objects.get(pk=pk)
    return {"brand": brand.slug, "stopped_at": instant_or_none(brand.stopped_at)}


@router.post("/brands/{slug}/stop", response=shapes.StoppedBrand, auth=Manage())
def stop_everything(request: HttpRequest, slug: str, body: ReasonIn | None = None) -> shapes.StoppedBrand:
    """Any member stops the brand: nothing of it is sent, what is claimed already included."""
    brand = brand_named(request, slug)
    stop_brand(caller(request), brand, body.reason if body else "")
    return _brand(brand.pk)


@router.post("/brands/{slug}/resume", response=shapes.StoppedBrand, auth=Decide())
def start_again(request: HttpRequest, slug: str) -> shapes.StoppedBrand:
    """An owner lets the brand go on. What missed its slot meanwhile stays missed."""
    brand = brand_named(request, slug)
    start_brand(caller(request), brand)
    return _brand(brand.pk)
