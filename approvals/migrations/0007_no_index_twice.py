import django.db.models.deletion
from django.db import migrations, models

from accounts.unindexing import Unindex


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0006_decisions_by_person_and_time"),
        ("posts", "0009_read_from_indexes"),
    ]

    operations = [
        Unindex(
            "gatedecision",
            "policy",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="approvals.policy",
            ),
            "approvals_gatedecision_policy_id_fd9ca84d",
        ),
        Unindex(
            "gatedecision",
            "post",
            models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="gate_decisions",
                to="posts.post",
            ),
            "approvals_gatedecision_post_id_99d444f3",
        ),
    ]
