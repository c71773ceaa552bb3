from __future__ import annotations

import pytest

from journal.scrubbing import scrub


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Authorization: Bearer abcDEF123.456", "Authorization: Bearer …"),
        ('{"access_token": "s3cr3t-value", "text": "Bonjour"}', '{"access_token": "…", "text": "Bonjour"}'),
        ("https://example.org/?api_key=0123456789&lang=fr", "https://example.org/?api_key=…&lang=fr"),
        (
            "GET /return/x/?state=abcDEF_-1234567890&code=Vg%2FzSXNBQ29kZTo%3D&iss=a",
            "GET /return/x/?state=…&code=…&iss=a",
        ),
        (
            "/login/?next=/x/%3Fcode%3DVGhpc0lzQUNvZGU6MQ%26state%3Da",
            "/login/?next=/x/%3Fcode%3D…%26state%3Da",
        ),
        ("GET /posts/?state=SCHEDULED", "GET /posts/?state=SCHEDULED"),
        ("password=hunter22 tried", "password=… tried"),
        ("Le mot de passe est oublié.", "Le mot de passe est oublié."),
        ("401 The access token is invalid", "401 The access token is invalid"),
    ],
)
def test_credentials_are_taken_out_and_the_rest_is_left(text: str, expected: str):
    assert scrub(text) == expected
