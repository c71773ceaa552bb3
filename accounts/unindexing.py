"""A migration's operation: an index of a foreign key is given up, and nothing else of its column is touched."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import ProjectState


class Unindex(migrations.AlterField):
    """`field` is the foreign key without its index, `index` the index's name.

    Django's own way would make the table anew on SQLite, and the triggers that keep it append-only would be gone.
    """

    def __init__(self, model_name: str, name: str, field: models.ForeignKey[Any, Any], index: str) -> None:
        super().__init__(model_name, name, field)
        self.index = index

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, _from: ProjectState, _to: ProjectState
    ) -> None:
        schema_editor.execute(f"DROP INDEX IF EXISTS {self.index}")

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, _from: ProjectState, to: ProjectState
    ) -> None:
        model = to.apps.get_model(app_label, self.model_name)
        table, column = model._meta.db_table, model._meta.get_field(self.name).column
        schema_editor.execute(f"CREATE INDEX IF NOT EXISTS {self.index} ON {table} ({column})")
