"""How structlog is imported: without asyncio, which it imports and no run uses."""

import sys
from types import ModuleType

import pytest

from rotator.logs import deferred
from tests.support.python_process import run_python

NAME = "this"
"""A module of the standard library that no test imports; it prints a poem."""


@pytest.fixture(autouse=True)
def not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, NAME, raising=False)


def test_module_is_loaded_at_its_first_use(capsys: pytest.CaptureFixture[str]) -> None:
    with deferred(NAME):
        import this
    assert NAME not in sys.modules
    assert capsys.readouterr().out == ""
    assert this.d["A"] == "N"  # ROT13
    assert "Beautiful is better than ugly" in capsys.readouterr().out


def test_use_while_it_is_put_off_loads_the_module() -> None:
    with deferred(NAME):
        from this import d
    assert d["A"] == "N"
    assert sys.modules[NAME].d is d


def test_submodule_loads_the_package() -> None:
    done = run_python(
        """
        from rotator.logs import deferred
        with deferred("asyncio"):
            import asyncio.events
        print(asyncio.events.__name__, asyncio.run.__name__)
        """
    )
    assert done.stdout.split() == ["asyncio.events", "run"], done.stderr


def test_module_that_is_loaded_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = ModuleType(NAME)
    monkeypatch.setitem(sys.modules, NAME, loaded)
    with deferred(NAME):
        import this
    assert this is loaded
    assert sys.modules[NAME] is loaded


@pytest.mark.parametrize("door", ["rotator.logs, rotator.app", "rotator.lambda_handler"])
def test_start_does_not_import_asyncio(door: str) -> None:
    done = run_python(f"import sys, {door}; print('asyncio' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_structlog_imports_asyncio_by_itself() -> None:
    """Once it does not, `rotator.logs` has nothing to put off."""
    done = run_python("import sys, structlog; print('asyncio' in sys.modules)")
    assert done.stdout.strip() == "True", done.stderr


def test_asynchronous_events_are_logged() -> None:
    done = run_python(
        """
        from rotator import logs
        import asyncio
        logs.configure(form="json")
        asyncio.run(logs.logger().ainfo("rotator.token_rotated"))
        """
    )
    assert '"event": "rotator.token_rotated"' in done.stderr
