"""Where a request may go."""

from __future__ import annotations

import pytest

from reconciler.http.urls import check_url, is_loopback


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://bucket.example/x?sig=1", None),
        ("http://127.0.0.1:8080/x", None),
        ("http://localhost/x", None),
        ("http://[::1]:9/x", None),
        ("http://bucket.example/x", "it is not https"),
        ("http://localhost.example/x", "it is not https"),
        ("http://127.0.0.1.example/x", "it is not https"),
        ("http://0.0.0.0/", "it is not https"),
        ("ftp://127.0.0.1/x", "it is not https"),
        ("https://user:pw@bucket.example/", "it holds a user name"),
        ("/relative", "it names no host"),
        ("https://", "it names no host"),
        ("https://[bad", "it names no host"),
        ("https://a:99999/", "it names no host"),
        ("https://a:0/", None),
        ("https://a/\x00", "it is not a URL"),
    ],
)
def test_where_a_request_may_go(url: str, refusal: str | None) -> None:
    """https, or http on this machine."""
    assert refusal == check_url(url)


def test_loopback_is_an_address_not_a_name() -> None:
    """A name that resolves to this machine is somebody's choice, not ours."""
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "LOCALHOST"]))
    assert not any(map(is_loopback, ["localhost.example", "10.0.0.1", "", "0.0.0.0", "127.1.example"]))
