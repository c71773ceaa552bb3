"""Posts and deliveries in the admin panel. Stands above all apps because a post's story takes them all."""

from cm_queue.admin import deliveries, posts

__all__ = ["deliveries", "posts"]
