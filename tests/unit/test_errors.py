from __future__ import annotations

import pytest

from rotator.errors import ConfigError, replace_error


def test_replaced_error_has_nothing_of_the_one_it_replaces() -> None:
    def fail() -> None:
        raise ValueError("canary-secret")

    with pytest.raises(ConfigError, match="subject: problem") as raised:
        replace_error(fail, ValueError, lambda _: ConfigError("subject: problem"))

    assert (raised.value.__context__, raised.value.__cause__) == (None, None)


def test_other_errors_pass_through() -> None:
    def fail() -> None:
        raise KeyError("name")

    with pytest.raises(KeyError):
        replace_error(fail, ValueError, lambda _: ConfigError("never"))


def test_result_is_handed_out() -> None:
    assert replace_error(lambda: 3, ValueError, lambda _: ConfigError("never")) == 3
