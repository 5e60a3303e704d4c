"""What is published or shown of a URL has no query: a key may be in it."""

import pytest

from rotator.model.urls import hide_query, strip_query


@pytest.mark.parametrize(
    ("url", "published", "shown"),
    [
        ("https://as.example/token", "https://as.example/token", "https://as.example/token"),
        ("https://as.example/", "https://as.example/", "https://as.example/"),
        (
            "https://as.example:8443/t?api_key=canary&v=2",
            "https://as.example:8443/t",
            "https://as.example:8443/t?***",
        ),
        ("https://as.example/t;key=canary", "https://as.example/t", "https://as.example/t?***"),
        ("https://as.example?canary", "https://as.example", "https://as.example?***"),
    ],
)
def test_query_and_parameters_are_not_shown(url: str, published: str, shown: str) -> None:
    assert strip_query(url) == published
    assert hide_query(url) == shown
