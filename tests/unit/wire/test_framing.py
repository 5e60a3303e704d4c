"""Where a response's body ends: RFC 9112 sections 6.1, 6.3 and 7.1."""

import pytest

from rotator.wire.framing import body_end, parse_chunk_size


@pytest.mark.parametrize(
    ("lengths", "codings", "end"),
    [
        ([], [], None),
        (["5"], [], 5),
        (["0"], [], 0),
        (["0005"], [], 5),
        ([" 5\t"], [], 5),
        (["5, 5"], [], 5),
        (["5", "5"], [], 5),
        (["5, 5", "05"], [], 5),
        ([], ["chunked"], "chunked"),
        ([], [" Chunked "], "chunked"),
    ],
)
def test_end_that_headers_state_is_read(
    lengths: list[str], codings: list[str], end: object
) -> None:
    assert body_end(lengths, codings) == end


@pytest.mark.parametrize(
    "length",
    ["", "+5", "-5", "1_0", "0x5", "5.0", "5e0", "5 5", "5;", "many", "\u0665", "5,", "9" * 5_000],
)
def test_length_that_is_no_digits_is_refused(length: str) -> None:
    with pytest.raises(ValueError, match="a Content-Length that is not a whole number"):
        body_end([length], [])


@pytest.mark.parametrize("lengths", [["5, 7"], ["5", "7"], ["5", "5, 7"]])
def test_lengths_that_differ_are_refused(lengths: list[str]) -> None:
    with pytest.raises(ValueError, match="Content-Length headers that differ"):
        body_end(lengths, [])


@pytest.mark.parametrize(
    "codings",
    [
        [""],
        ["xchunked"],
        ["chunkedx"],
        ["chunked, chunked"],
        ["chunked", "chunked"],
        ["gzip, chunked"],
        ["chunked, gzip"],
        ["identity"],
        ["chunked;q=1"],
    ],
)
def test_coding_that_was_not_offered_is_refused(codings: list[str]) -> None:
    with pytest.raises(ValueError, match="a Transfer-Encoding other than chunked"):
        body_end([], codings)


def test_two_ends_at_once_are_refused() -> None:
    with pytest.raises(ValueError, match="both Content-Length and Transfer-Encoding"):
        body_end(["5"], ["chunked"])


def test_chunks_of_an_older_http_are_refused() -> None:
    with pytest.raises(ValueError, match=r"which HTTP/1\.0 does not have"):
        body_end([], ["chunked"], is_http_1_0=True)


@pytest.mark.parametrize(
    ("line", "size_bytes"), [("0", 0), ("1f", 31), ("1F;note=1", 31), ("1f \t;note", 31)]
)
def test_size_of_a_chunk_is_read(line: str, size_bytes: int) -> None:
    assert parse_chunk_size(line) == size_bytes


@pytest.mark.parametrize(
    "line", ["", ";", " 5", "+5", "-5", "0x5", "1_0", "g", "\u0665", "f" * 5_000]
)
def test_size_of_a_chunk_that_is_no_digits_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="a chunk whose size is not a number"):
        parse_chunk_size(line)
