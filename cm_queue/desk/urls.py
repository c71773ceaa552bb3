"""The pages of the whole post. One line a page or verb; views live beside this file."""

from __future__ import annotations

from django.urls import URLPattern, path

from cm_queue.desk import (
    channels,
    compose,
    journal_page,
    overseeing,
    people,
    reviewing,
    serving,
    signing_in,
    steering,
    tokens,
)

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
    path("compose/", compose.compose, name="compose"),
    path("compose/preview/", compose.compose_preview, name="compose_preview"),
    path("compose/media/", compose.compose_media, name="compose_media"),
    path("compose/save/", compose.compose_save, name="compose_save"),
    path("compose/submit/", compose.compose_submit, name="compose_submit"),
    path("posts/<int:pk>/edit/", compose.edit_post, name="edit_post"),
    path("posts/<int:pk>/edit/preview/", compose.compose_preview, name="compose_preview"),
    path("posts/<int:pk>/edit/media/", compose.compose_media, name="compose_media"),
    path("posts/<int:pk>/edit/save/", compose.compose_save, name="compose_save"),
    path("posts/<int:pk>/edit/submit/", compose.compose_submit, name="compose_submit"),
    path("media/<str:sha256>/", serving.media_file, name="media_file"),
    path("people/", people.people, name="people"),
    path("channels/", channels.channels, name="channels"),
    path("channels/add/", channels.add_channel, name="add_channel"),
    path("channels/add/<slug:network>/", channels.add_channel, name="add_channel"),
    path("channels/<int:pk>/check/", channels.check_channel, name="check_channel"),
    path("channels/<int:pk>/pause/", channels.pause_channel, name="pause_channel"),
    path("channels/<int:pk>/resume/", channels.resume_channel, name="resume_channel"),
    path("journal/", journal_page.journal, name="journal"),
    path("journal/verify/", journal_page.verify_journal, name="verify_journal"),
    path("journal/export/", journal_page.export_journal, name="export_journal"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<int:pk>/revoke/", tokens.revoke_token, name="revoke_token"),
    path("brand/", signing_in.switch_brand, name="switch_brand"),
    path("demo/sign-in/", signing_in.demo_sign_in, name="demo_sign_in"),
    # Before allauth's and Django's own, which these extend.
    path("accounts/login/", signing_in.SignIn.as_view(), name="account_login"),
    path("i18n/setlang/", signing_in.set_language, name="set_language"),
]
