import django.db.models.deletion
from django.db import migrations, models

from accounts.unindexing import Unindex


class Migration(migrations.Migration):
    dependencies = [
        ("posts", "0010_no_index_twice"),
        ("publishing", "0006_named_for_the_panel"),
    ]

    operations = [
        Unindex(
            "attempt",
            "delivery",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tries",
                to="posts.delivery",
            ),
            "publishing_attempt_delivery_id_95cd2c1d",
        ),
        Unindex(
            "permit",
            "channel",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="posts.channel",
            ),
            "publishing_permit_channel_id_0fb28196",
        ),
        Unindex(
            "permit",
            "delivery",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="permits",
                to="posts.delivery",
            ),
            "publishing_permit_delivery_id_c4b813e3",
        ),
    ]
