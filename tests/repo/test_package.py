"""The public names of the package."""

import re

import pytest

import rotator


@pytest.mark.parametrize("name", rotator.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rotator, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'rotator' has no attribute 'rotat'"):
        _ = rotator.rotat


def test_version_is_a_release() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", str(rotator.__version__))
