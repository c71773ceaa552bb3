import django.db.models.deletion
from django.db import migrations, models

from accounts.unindexing import Unindex


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_named_for_the_panel"),
        ("journal", "0004_notices_of_what_is_posted_by_hand"),
    ]

    operations = [
        Unindex(
            "entry",
            "brand",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.brand",
            ),
            "journal_entry_brand_id_ab2b5cf3",
        ),
        Unindex(
            "seal",
            "brand",
            models.ForeignKey(
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.brand",
            ),
            "journal_seal_brand_id_bab1d8ad",
        ),
    ]
