"""No error holds a secret, in its chain, its locals or its attributes."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from rotator.aws.store import SecretsManagerStore, connect
from rotator.errors import RotatorError
from rotator.local.binding import LocalBinding
from rotator.local.ims_control import RemoteIms
from rotator.model.binding import Binding
from rotator.model.client_credentials import ClientCredentials
from rotator.model.json_text import JsonInput
from rotator.model.policy import RenewalPolicy
from rotator.model.secret import Secret, StoredSecret
from rotator.oauth.endpoint import TokenEndpoint
from rotator.reader import TokenReader
from rotator.rotation.probe import call_api, make_probe
from rotator.rotation.rotate import rotate_token
from rotator.rotation.setup import set_up_binding
from tests.integration.cli.canaries import FAILURES, READS
from tests.integration.cli.front import Front
from tests.integration.cli.vault import Vault
from tests.support.clock import ManualClock
from tests.support.traces import CLIENT_SECRET, STORED_TOKEN, assert_silent


def chained(error: BaseException) -> Iterator[BaseException]:
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        one = pending.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            pending += [one.__cause__, one.__context__]


def told(error: BaseException) -> str:
    """All that an exception says of itself: text, arguments, attributes."""
    return f"{error!s} {error!r} {error.args!r} {vars(error)!r}"


def locals_of(error: BaseException) -> str:
    """What tools that print local variables would print; this file's own frames hold canaries."""
    shown = []
    place = error.__traceback__
    while place is not None:
        frame = place.tb_frame
        if frame.f_code.co_filename != __file__:
            shown += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
        place = place.tb_next
    return "\n".join(shown)


def raised_by(work: Callable[[], object]) -> RotatorError:
    with pytest.raises(RotatorError) as caught:
        work()
    return caught.value


@pytest.fixture
def store(planted: Vault, front: Front, monkeypatch: pytest.MonkeyPatch) -> SecretsManagerStore:
    """A store on the way through `front`."""
    assert planted.versions()
    for name, value in {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}.items():
        monkeypatch.setenv(name, value)
    for name, value in front.env.items():
        monkeypatch.setenv(name, value)
    return SecretsManagerStore(connect("us-east-1"))


@pytest.mark.parametrize("name", FAILURES)
def test_errors_of_the_job_hold_no_secret_anywhere(
    *, name: str, planted: Vault, ims: RemoteIms, front: Front, store: SecretsManagerStore
) -> None:
    failure = FAILURES[name]
    failure.cause(planted, ims, front)

    error = raised_by(
        lambda: rotate_token(
            Binding(planted.credentials_secret, planted.token_secret),
            store=store,
            endpoint=TokenEndpoint(clock=ManualClock()),
            policy=RenewalPolicy(),
            force=True,
            probe=make_probe(front.api_url) if failure.args else None,
        )
    )

    for one in chained(error):
        assert isinstance(one, RotatorError)
        assert_silent(told(one) + locals_of(one), CLIENT_SECRET, STORED_TOKEN)


@pytest.mark.parametrize("auth_method", ["client_secret_post", "client_secret_basic"])
@pytest.mark.parametrize("answers", ["no", "nothing"])
def test_errors_of_minting_hold_no_client_secret(
    front: Front, auth_method: str, answers: str
) -> None:
    credentials = ClientCredentials.from_fields(
        {
            "client_id": "me",
            "client_secret": CLIENT_SECRET,
            "token_url": front.token_url if answers == "no" else "http://127.0.0.1:1/token",
            "auth_method": auth_method,
        }
    )

    error = raised_by(lambda: TokenEndpoint(clock=ManualClock()).mint(credentials))

    for one in chained(error):
        assert isinstance(one, RotatorError)
        assert_silent(told(one) + locals_of(one), CLIENT_SECRET)


@pytest.mark.parametrize("action", ["PutSecretValue", "CreateSecret"])
def test_errors_of_the_store_are_not_chained_to_the_request(
    binding: LocalBinding, front: Front, store: SecretsManagerStore, action: str
) -> None:
    front.refuse(action, code="InvalidParameterException", message=CLIENT_SECRET)
    text = Secret(CLIENT_SECRET)
    seen = StoredSecret(secret_id=binding.token_secret, arn="arn:aws:x")

    def write() -> None:
        if action == "PutSecretValue":
            store.put(seen, text, version_id="0" * 32)
        else:
            store.create("test/other", description="", tags={}, text=text)

    error = raised_by(write)

    assert list(chained(error)) == [error]
    assert_silent(told(error), CLIENT_SECRET)


def test_errors_of_binding_and_of_calling_an_api_are_not_chained(
    binding: LocalBinding, front: Front, store: SecretsManagerStore
) -> None:
    front.refuse("CreateSecret", code="InvalidParameterException", message=CLIENT_SECRET)
    credentials = {"client_id": "me", "client_secret": CLIENT_SECRET}

    errors = [
        raised_by(
            lambda: set_up_binding(
                "test/a/c", "test/a/t", store=store, ask=lambda: JsonInput(credentials)
            )
        ),
        raised_by(
            lambda: set_up_binding(
                "test/a/c", "test/a/t", store=store, ask=lambda: JsonInput({CLIENT_SECRET: 1})
            )
        ),
        raised_by(
            lambda: call_api(
                "http://127.0.0.1:1/", token=Secret(STORED_TOKEN), client_id=binding.client_id
            )
        ),
    ]

    for error in errors:
        assert list(chained(error)) == [error]
        assert_silent(told(error), CLIENT_SECRET, STORED_TOKEN)


@pytest.mark.parametrize(
    "text", [STORED_TOKEN, json.dumps({"access_token": STORED_TOKEN}), "expired", "refused"]
)
def test_errors_of_the_reader_hold_no_token_anywhere(
    planted: Vault, front: Front, store: SecretsManagerStore, text: str
) -> None:
    del store  # for its environment
    if text == "refused":
        front.refuse(*READS, code="InvalidParameterException", message=STORED_TOKEN)
    elif text == "expired":
        planted.put_token(age=timedelta(hours=25), access_token=STORED_TOKEN)
        planted.put_token(age=timedelta(hours=26), access_token=STORED_TOKEN)
    else:
        planted.put(text)
        planted.put(text + " ")
    reader = TokenReader(planted.token_secret, background=False)

    error = raised_by(reader.token)

    for one in chained(error):
        assert isinstance(one, RotatorError)
        assert_silent(told(one) + locals_of(one), STORED_TOKEN)
