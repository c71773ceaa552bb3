"""What is written with every release carries no index in vain: each of them is another write of every change."""

from __future__ import annotations

import pytest
from django.db import connection, models

from approvals.models import GateDecision
from journal.models import Entry, Seal
from posts.models import Delivery, Post
from publishing.models import Attempt, Permit

WRITTEN_WITH_EVERY_RELEASE = (Post, Delivery, GateDecision, Entry, Seal, Attempt, Permit)


@pytest.mark.django_db
@pytest.mark.parametrize("model", WRITTEN_WITH_EVERY_RELEASE, ids=lambda model: model.__name__)
def test_no_index_is_the_beginning_of_another(model: type[models.Model]):
    table = model._meta.db_table
    partial = {
        one.name
        for one in (*model._meta.indexes, *model._meta.constraints)
        if getattr(one, "condition", None)
    }
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, table)
    columns = {
        name: tuple(one["columns"])
        for name, one in found.items()
        if (one["index"] or one["unique"]) and one["columns"] and name not in partial
    }
    assert columns
    # Rules of uniqueness and the second index that PostgreSQL has of a text stay.
    in_vain = {
        name
        for name, own in columns.items()
        for other, its in columns.items()
        if other != name
        and not found[name]["unique"]
        and not name.endswith("_like")
        and own == its[: len(own)]
    }
    assert in_vain == set()
