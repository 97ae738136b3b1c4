from __future__ import annotations

import pytest

from cloud.services.urls import InvalidUrl, canonical, canonical_socket, shown_url, with_query


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("https://a.example", "https://a.example/"),
        ("HTTPS://a.example/x?y=1#rc=2", "https://a.example/x?y=1"),
        ("http://a.example:8080/a b?q=ü&r=%20", "http://a.example:8080/a%20b?q=%C3%BC&r=%20"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://u:p@a.example/", "http://u:p@a.example/"),
    ],
)
def test_canonical(given, made):
    assert canonical(given) == made
    assert canonical(made) == made


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "/voice",
        "ftp://a.example/",
        "http://",
        "http://a.example:99999/",
        "http://[::1/",
        "x" * 5000,
        "http://a\0b/",
        "http://a b/",
    ],
)
def test_what_cannot_be_asked_is_refused(bad):
    with pytest.raises(InvalidUrl):
        canonical(bad)


def test_fields_follow_the_urls_own_query():
    assert with_query("http://a/", {}) == "http://a/"
    assert with_query("http://a/", {"To": "+1 2"}) == "http://a/?To=%2B1+2"
    assert with_query("http://a/?x=1", {"To": "b"}) == "http://a/?x=1&To=b"


def test_a_sockets_url_is_made_fit_in_the_same_way():
    assert canonical_socket("WSS://a.example") == "wss://a.example/"
    assert canonical_socket("ws://a.example:80/a b") == "ws://a.example:80/a%20b"
    for bad in ("https://a.example/", "wss", "wss:", "wss://", "wss://\x7f/"):
        with pytest.raises(InvalidUrl):
            canonical_socket(bad)


def test_a_log_shows_no_credentials_and_no_query() -> None:
    url = "https://u:secret@a.example:1/x?token=1#y"
    assert shown_url(url) == "https://a.example:1/x"
    assert shown_url(url, whole=True) == "https://a.example:1/x?token=1"
    assert shown_url("http://[::1") == "(no URL)"
