import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from accounts.unindexing import Unindex


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0007_no_index_twice"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            "request", models.Index(fields=["user", "-asked_at"], name="request_of_user_latest")
        ),
        Unindex(
            "request",
            "user",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="requests",
                to=settings.AUTH_USER_MODEL,
            ),
            "approvals_request_user_id_3831dc5c",
        ),
    ]
