from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PostsConfig(AppConfig):
    name = "posts"
    verbose_name = _("Posts")

    def ready(self) -> None:
        # Models are there from now on. Who wrote is never forgotten, in the database too.
        from journal.triggers import guard
        from posts.models import Contribution

        guard(
            Contribution,
            same=["(post_id = NEW.post_id AND user_id = NEW.user_id AND light = NEW.light)"],
        )
