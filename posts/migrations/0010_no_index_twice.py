import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from accounts.unindexing import Unindex


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_named_for_the_panel"),
        ("posts", "0009_read_from_indexes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Nobody looks for a key by how it begins; PostgreSQL's second index of it is for that.
        migrations.RunSQL("DROP INDEX IF EXISTS posts_delivery_key_1f7aa83f_like", migrations.RunSQL.noop),
        Unindex(
            "delivery",
            "post",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="deliveries",
                to="posts.post",
            ),
            "posts_delivery_post_id_c264b8e8",
        ),
        Unindex(
            "post",
            "after",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="followers",
                to="posts.post",
            ),
            "posts_post_after_id_0df4d74e",
        ),
        Unindex(
            "post",
            "brand",
            models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="posts",
                to="accounts.brand",
            ),
            "posts_post_brand_id_bdc4aa13",
        ),
        Unindex(
            "post",
            "held_by",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
            "posts_post_held_by_id_ed010274",
        ),
        Unindex(
            "post",
            "recurrence",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="posts",
                to="posts.recurrence",
            ),
            "posts_post_recurrence_id_61a69c0d",
        ),
        Unindex(
            "post",
            "released_by",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
            "posts_post_released_by_id_773f417d",
        ),
        Unindex(
            "post",
            "revision",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="posts.revision",
            ),
            "posts_post_revision_id_00fff590",
        ),
        migrations.AddIndex(
            model_name="post",
            index=models.Index(
                condition=models.Q(("after__isnull", False)), fields=["after"], name="post_that_follows"
            ),
        ),
    ]
