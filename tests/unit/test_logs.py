"""Events are one line each, masked where they look like secrets; structlog is put off."""

import ast
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import structlog

from rotator.config import logs
from rotator.config.logs import defer_import
from rotator.errors import MintError, StoreError
from rotator.model.secret import Secret
from tests.support.python_process import run_python

CANARY = "canary-6f1d0b"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"


class TerminalStream(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def logged(**fields: Any) -> dict[str, Any]:
    stream = io.StringIO()
    logs.configure(stream=stream)
    logs.logger().info("rotator.tested", **fields)
    event: dict[str, Any] = json.loads(stream.getvalue())
    return event


def test_event_is_one_line_of_json_off_a_terminal() -> None:
    event = logged(binding="adobe/token", version_id="v1")

    assert list(event)[:3] == ["timestamp", "level", "event"]
    assert (event["level"], event["event"]) == ("info", "rotator.tested")
    assert (event["binding"], event["version_id"]) == ("adobe/token", "v1")
    assert event["timestamp"].endswith("Z")


def test_event_is_readable_on_a_terminal() -> None:
    stream = TerminalStream()
    logs.configure(stream=stream)
    logs.logger().info("rotator.tested", reason="fresh")

    assert "rotator.tested" in stream.getvalue()
    assert "{" not in stream.getvalue()


def test_form_can_be_chosen() -> None:
    stream = TerminalStream()
    logs.configure(stream=stream, form="json")
    logs.logger().info("rotator.tested")

    assert json.loads(stream.getvalue())["event"] == "rotator.tested"


def test_events_below_the_level_are_dropped() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream, level="error")
    logs.logger().warning("rotator.tested")

    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "field",
    [
        "client_secret",
        "access_token",
        "token",
        "Authorization",
        "x_api_key",
        "private_key",
        "password",
        "client_assertion",
        "aws_session_token",
    ],
)
def test_field_with_the_name_of_a_secret_is_masked(field: str) -> None:
    assert CANARY not in json.dumps(logged(**{field: CANARY}))
    assert CANARY not in json.dumps(logged(nested={"deep": [{field: CANARY}]}))


@pytest.mark.parametrize(
    "text",
    [
        JWT,
        f"Authorization: Bearer {CANARY}",
        f"Basic {CANARY}",
        f"p8e-{CANARY}",
        f"grant_type=client_credentials&client_secret={CANARY}&scope=a",
        f'{{"access_token": "{CANARY}"}}',
        f"client_secret: {CANARY}",
        f"client_secret = '{CANARY}'",
    ],
)
def test_text_with_the_shape_of_a_secret_is_masked(text: str) -> None:
    shown = json.dumps(logged(error=f"it said {text} and more"))

    assert CANARY not in shown
    assert JWT not in shown
    assert "and more" in shown or "***" in shown


@pytest.mark.parametrize(
    "text",
    [
        "client_secret: number 2 of 2 was accepted",
        "client_secret: 2 of 2 were refused",
        "client_secret: 1000 of 13000 were refused before the time for minting was up",
        'pass {"client_id": "...", "client_secret": "..."}',
        "token_type is mac, and only bearer tokens are supported",
        "client_secret must be a non-empty string",
        "secret adobe/token: its value has no access_token",
    ],
)
def test_words_of_our_own_are_left_alone(text: str) -> None:
    assert logged(error=text)["error"] == text


def messages_that_name_a_secret_field() -> set[str]:
    """The product's texts with such a field and a colon, a count in place of each variable."""
    sources = Path(logs.__file__).parents[1].rglob("*.py")
    trees = [ast.parse(each.read_text("utf-8")) for each in sources]
    texts = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.Constant) else "{}" for each in node.values]
            texts.add("".join(map(str, parts)))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.add(node.value)
    named = re.compile(r"(?:client_secret|access_token|client_assertion): ")
    return {re.sub(r"\{\w*\}", "7 of 30", text) for text in texts if named.search(text)}


def test_no_message_of_our_own_is_masked() -> None:
    texts = messages_that_name_a_secret_field()

    assert [text for text in texts if logged(error=text)["error"] != text] == []
    assert any("7 of 30 were refused" in text for text in texts)


@pytest.mark.parametrize("secret", ["7 of", "7-of-30", "1234 of 5 canaries", "30"])
def test_secret_that_begins_like_a_count_is_masked(secret: str) -> None:
    assert logged(error=f"client_secret: {secret}")["error"].startswith("***")


def test_secret_object_is_masked() -> None:
    assert logged(value=Secret(CANARY))["value"] == "***"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("binding", "adobe/token"),
        ("token_secret", "adobe/token"),
        ("credentials_secret", "adobe/credentials"),
        ("secret_id", "adobe/token"),
        ("token_type", "bearer"),
        ("reason", "token_missing"),
        ("duration_s", 0.25),
        ("retryable", True),
        ("version_id", None),
    ],
)
def test_what_names_a_secret_is_kept(field: str, value: object) -> None:
    assert logged(**{field: value})[field] == value


def test_error_tells_what_the_provider_said() -> None:
    error = MintError(
        "token endpoint: refused", status=400, oauth_error="invalid_client", debug_id="d-1"
    )
    error.details["reason"] = "forced"

    assert logs.error_fields(error) == {
        "error": "token endpoint: refused",
        "retryable": False,
        "status": 400,
        "oauth_error": "invalid_client",
        "debug_id": "d-1",
        "reason": "forced",
    }


def test_error_of_aws_tells_the_call_and_the_code() -> None:
    error = StoreError(
        "secret s: access denied",
        operation="GetSecretValue",
        secret_id="s",
        aws_code="AccessDeniedException",
    )

    assert logs.error_fields(error) == {
        "error": "secret s: access denied",
        "retryable": False,
        "operation": "GetSecretValue",
        "aws_code": "AccessDeniedException",
    }


NAME = "this"
"""A module of the standard library that no test imports; it prints a poem."""


@pytest.fixture(autouse=True)
def not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, NAME, raising=False)


def test_module_is_loaded_at_its_first_use(capsys: pytest.CaptureFixture[str]) -> None:
    with defer_import(NAME):
        import this
    assert NAME not in sys.modules
    assert capsys.readouterr().out == ""
    assert this.d["A"] == "N"  # ROT13
    assert "Beautiful is better than ugly" in capsys.readouterr().out


def test_module_that_is_put_off_counts_as_not_loaded() -> None:
    """`logging.LogRecord` uses `sys.modules.get("asyncio")` if that is true (Python 3.12)."""
    with defer_import(NAME):
        assert not sys.modules.get(NAME)


def test_use_while_it_is_put_off_loads_the_module() -> None:
    with defer_import(NAME):
        from this import d
    assert d["A"] == "N"
    assert sys.modules[NAME].d is d


def test_submodule_loads_the_package() -> None:
    done = run_python(
        """
        from rotator.config.logs import defer_import
        with defer_import("asyncio"):
            import asyncio.events
        print(asyncio.events.__name__, asyncio.run.__name__)
        """
    )
    assert done.stdout.split() == ["asyncio.events", "run"], done.stderr


def test_module_that_is_loaded_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = ModuleType(NAME)
    monkeypatch.setitem(sys.modules, NAME, loaded)
    with defer_import(NAME):
        import this
    assert this is loaded
    assert sys.modules[NAME] is loaded


@pytest.mark.parametrize("door", ["rotator.app", "rotator.lambda_handler"])
def test_start_does_not_import_asyncio(door: str) -> None:
    done = run_python(f"import sys, {door}; print('asyncio' in sys.modules)")
    assert done.stdout.strip() == "False", done.stderr


def test_structlog_imports_asyncio_by_itself() -> None:
    """Once it does not, `rotator.config.logs` has nothing to put off."""
    done = run_python("import sys, structlog; print('asyncio' in sys.modules)")
    assert done.stdout.strip() == "True", done.stderr


def test_asynchronous_events_are_logged() -> None:
    done = run_python(
        """
        from rotator.config import logs
        import asyncio
        logs.configure(form="json")
        asyncio.run(logs.logger().ainfo("rotator.token_rotated"))
        """
    )
    assert '"event": "rotator.token_rotated"' in done.stderr
