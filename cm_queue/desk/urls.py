"""The pages of the whole post. One line a page or verb; views live beside this file."""

from __future__ import annotations

from django.urls import URLPattern, path

from cm_queue.desk import overseeing, reviewing, steering

urlpatterns: list[URLPattern] = [
    path("", overseeing.desk, name="desk"),
    path("notices/read/", overseeing.read_notices, name="read_notices"),
    path("review/", reviewing.review_queue, name="review_queue"),
    path("review/<int:pk>/", reviewing.review, name="review"),
    path("review/<int:pk>/decide/", reviewing.decide, name="decide"),
    path("review/<int:pk>/comment/", reviewing.comment, name="review_comment"),
    path("posts/<int:pk>/", steering.post, name="post"),
    path("posts/<int:pk>/hold/", steering.hold_post, name="hold_post"),
    path("posts/<int:pk>/resume/", steering.resume_post, name="resume_post"),
    path("posts/<int:pk>/reschedule/", steering.reschedule_post, name="reschedule_post"),
    path("posts/<int:pk>/release/", steering.release_post, name="release_post"),
    path("posts/<int:pk>/withdraw/", steering.withdraw_post, name="withdraw_post"),
    path("posts/<int:pk>/clone/", steering.clone_post, name="clone_post"),
    path("deliveries/<int:pk>/settle/", steering.settle_delivery, name="settle_delivery"),
]
