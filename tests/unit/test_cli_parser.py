from __future__ import annotations

import pytest

from rotator.cli.parser import parse
from rotator.errors import ConfigError


@pytest.mark.parametrize(
    "argv", [["rnu-canary"], ["run", "--cadence"], ["run", "--json=canary"], ["run", "canary"]]
)
def test_wrong_command_line_is_told_without_what_was_typed(argv: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(argv)
    assert "canary" not in str(caught.value)
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
