"""Secrets Manager as strict as its API reference, over moto, which is laxer than the service.

moto keeps what surrounds the values: names, ARNs, tags, deletion, replicas, listings. Values,
versions and labels are kept here, by the rules of `tests.strict_aws.versions`, and copied into
moto's records so that its listings tell the truth. Each rule names the page it is from; pages are
those of the API reference (API_*.html, CommonErrors.html) and the user guide.
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

from moto.backends import get_backend
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import Client

from tests.strict_aws.listing import Listing
from tests.strict_aws.promotion import promote
from tests.strict_aws.rates import RequestRates
from tests.strict_aws.rotation import Rotation, Rotations
from tests.strict_aws.shapes import check_parameters, operations
from tests.strict_aws.values import content_of, entry_of, moto_name, token_of
from tests.strict_aws.versions import CURRENT, Refused, Version, Versions

CREDENTIAL = re.compile(r"Credential=[^/]+/\d+/([a-z0-9-]+)/secretsmanager/aws4_request")
READS = ("BatchGet", "Describe", "Get", "List", "Validate")
READS_OF_DELETED = ("DescribeSecret", "RestoreSecret", "DeleteSecret", "ListSecretVersionIds")
Record = Any  # moto's own, which says too little of itself
_accounts = itertools.count(100_000_000_001)


@cache
def _moto() -> Any:  # noqa: ANN401 - a WSGI application, as moto writes it
    return create_backend_app("secretsmanager")


class ServiceAnswer(NamedTuple):
    """What the service sends back."""

    status: int
    body: dict[str, Any]


@dataclass(slots=True)
class _History:
    """The states of one secret's versions, newest last, with the instant each was written."""

    states: list[tuple[float, Versions]]

    def now(self) -> Versions:
        return self.states[-1][1]


class StrictSecretsManager:
    """The service for one account, in this process; `handle` takes what an SDK sends.

    `behind(operation, region)` says by how many writes a read may lag ("All Secrets Manager
    operations are eventually consistent", API_ListSecrets.html); only writes of the last `settle_s`
    can be missed, or in a replica's region those of the last `replica_settle_s`. `denied` are
    actions that IAM refuses; with `limited` false the request rates are not enforced. Time is
    `now` (epoch seconds).
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._account = str(next(_accounts))  # moto's state is global: an account of our own
        self._moto = Client(_moto())
        self._rates = RequestRates(monotonic)
        self._histories: dict[str, _History] = {}
        self.listing = Listing(now)
        self.rotations = Rotations()
        self.behind: Callable[[str, str], int] = lambda _operation, _region: 0
        self.settle_s = 1.0
        self.replica_settle_s = 60.0
        self.denied: set[str] = set()
        self.limited = True

    def handle(self, headers: Mapping[str, str], body: bytes) -> ServiceAnswer:
        """ServiceAnswer one request; `headers` have lower-case names."""
        try:
            return ServiceAnswer(200, self._handle(headers, body))
        except Refused as refused:
            # CommonErrors.html and each action's "Errors": 400, but 500 for its own mistakes.
            return ServiceAnswer(
                refused.status, {"__type": refused.code, "message": refused.message}
            )

    def settle(self) -> None:
        """What has been written can be seen by every read from now on."""
        with self._lock:
            for history in self._histories.values():
                history.states = history.states[-1:]
            self.listing.settle()

    def ask(self, operation: str, *, region: str = "us-east-1", **params: Any) -> dict[str, Any]:
        """What somebody else does meanwhile, without a network between; raises Refused."""
        with self._lock:
            check_parameters(operation, params)
            return self._answer(operation, region, params)

    def versions(self, secret_id: str, region: str = "us-east-1") -> Versions:
        """Every version of a secret as it is now; raises Refused if there is no such secret."""
        with self._lock:
            return self._history(self._record(region, secret_id)).now()

    def run_rotation(
        self, rotation: Rotation, function: Callable[[dict[str, str]], object]
    ) -> None:
        """Call the rotation function as the service does; what it raises ends the rotation.

        The service repeats a failed one: calling this again does so.
        """
        for step in rotation.steps:
            if self.rotations.is_under_way(rotation):
                function(rotation.event(step))
        with self._lock:
            record = self._record(rotation.region, rotation.arn)
            self._write(record, self.rotations.end(rotation, self._history(record).now()))

    def _handle(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        # CommonErrors.html: MissingAuthenticationToken, IncompleteSignature.
        signed = CREDENTIAL.search(headers.get("authorization", ""))
        if signed is None:
            raise Refused("MissingAuthenticationTokenException", "the request is not signed")
        operation = headers.get("x-amz-target", "").removeprefix("secretsmanager.")
        if operation not in operations():
            raise Refused("UnknownOperationException", "there is no such action")
        try:
            params = json.loads(body)
        except ValueError:
            raise Refused("SerializationException", "the body is not JSON") from None
        with self._lock:
            if self.limited:
                self._rates.take(operation)
            self._check_allowed(operation)
            check_parameters(operation, params)
            return self._answer(operation, signed[1], params)

    def _answer(self, operation: str, region: str, params: dict[str, Any]) -> dict[str, Any]:
        if "SecretId" in params:
            self._check_alive(operation, region, params["SecretId"])
        own: dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]] = {
            "BatchGetSecretValue": self._batch_get,
            "CancelRotateSecret": self._cancel_rotation,
            "GetSecretValue": self._get,
            "ListSecrets": self.listing.page,
            "PutSecretValue": self._put,
            "RotateSecret": self._rotate,
            "StopReplicationToReplica": partial(promote, self._record, self._histories),
            "UpdateSecret": self._update,
            "UpdateSecretVersionStage": self._move_label,
        }
        act = own.get(operation)
        answer = self._delegate(operation, region, params) if act is None else act(region, params)
        if operation == "CreateSecret":
            self._adopt(self._record(region, answer["ARN"]))
        if operation == "DescribeSecret":
            self._complete_description(region, params["SecretId"], answer)
        if not operation.startswith(READS):
            self._note(region, answer.get("ARN") or params["SecretId"])
        return answer

    def _complete_description(self, region: str, secret_id: str, answer: dict[str, Any]) -> None:
        stages = self._seen("DescribeSecret", region, secret_id)
        answer.pop("VersionIdsToStages", None)
        labelled = {v.version_id: sorted(v.stages) for v in stages.all if v.stages}
        answer |= {"VersionIdsToStages": labelled} if labelled else {}
        answer |= self.rotations.describe(self._record(region, secret_id).arn)

    def _note(self, region: str, secret_id: str) -> None:
        """Let ListSecrets know of a change, in every region that has the secret."""
        store = get_backend("secretsmanager")[self._account][region].secrets
        record = self._record(region, secret_id) if secret_id in store else None
        if record is None:
            self.listing.note(region, secret_id, None)
            return
        self.listing.note_record(record, lambda each: self._history(each).now())

    def _rotate(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        record = self._writable(region, params["SecretId"])
        rotation, changed = self.rotations.begin(
            record.arn, self._history(record).now(), params, now=self._now()
        )
        self._write(record, changed)
        return {"ARN": record.arn, "Name": record.name, "VersionId": rotation.version_id}

    def _cancel_rotation(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        record = self._writable(region, params["SecretId"])
        self.rotations.cancel(record.arn)
        return {"ARN": record.arn, "Name": record.name}

    def _check_allowed(self, operation: str) -> None:
        if operation in self.denied:
            raise Refused("AccessDeniedException", f"not authorized: {operation}")

    def _check_alive(self, operation: str, region: str, secret_id: str) -> None:
        # API_DeleteSecret.html: nothing but the metadata until it is restored.
        if operation not in READS_OF_DELETED and self._record(region, secret_id).is_deleted():
            raise Refused("InvalidRequestException", "the secret was marked for deletion")

    def _get(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        record = self._record(region, params["SecretId"])
        versions = self._seen("GetSecretValue", region, params["SecretId"])
        version_id, stage = params.get("VersionId"), params.get("VersionStage")
        if version_id is None:
            version = versions.labelled(stage or CURRENT)
        else:
            version = versions.find(version_id)
            # API_GetSecretValue.html: both "must refer to the same secret version".
            if version is not None and stage is not None and stage not in version.stages:
                raise Refused("InvalidRequestException", "the version does not have that label")
        # A secret without a value has no AWSCURRENT version, and so no such resource.
        if version is None or version.content is None:
            raise Refused("ResourceNotFoundException", "can't find the specified secret value")
        return entry_of(record, version)

    def _batch_get(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        ids = params.get("SecretIdList")
        # API_BatchGetSecretValue.html: a list or filters, not both.
        if ids is None or "Filters" in params:
            raise Refused("InvalidParameterException", "give SecretIdList")
        values, errors = [], []
        for secret_id in ids:
            try:
                self._check_allowed("GetSecretValue")
                self._check_alive("GetSecretValue", region, secret_id)
                values.append(self._get(region, {"SecretId": secret_id}))
            except Refused as refused:
                errors.append(
                    {"SecretId": secret_id, "ErrorCode": refused.code, "Message": refused.message}
                )
        return {"SecretValues": values, "Errors": errors}

    def _put(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        record = self._writable(region, params["SecretId"])
        self.rotations.check_token(record.arn, params)
        stages = params.get("VersionStages")
        token = token_of(params)
        changed = (
            self._history(record)
            .now()
            .put(
                token,
                content_of(params),
                now=self._now(),
                stages=None if stages is None else frozenset(stages),
            )
        )
        self._write(record, changed)
        version = changed.find(token)
        labels = sorted(version.stages) if version is not None else []
        return {"ARN": record.arn, "Name": record.name, "VersionId": token, "VersionStages": labels}

    def _update(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        record = self._writable(region, params["SecretId"])
        answer = {"ARN": record.arn, "Name": record.name}
        if {"SecretString", "SecretBinary"} & params.keys():
            token = token_of(params)
            state = self._history(record).now()
            # API_UpdateSecret.html: an existing version's id is an error, whatever it holds.
            if state.find(token) is not None:
                raise Refused("ResourceExistsException", "that ClientRequestToken is in use")
            self._write(record, state.put(token, content_of(params), now=self._now()))
            answer["VersionId"] = token
        record.description = params.get("Description", record.description)
        record.kms_key_id = params.get("KmsKeyId", record.kms_key_id)
        return answer

    def _move_label(self, region: str, params: dict[str, Any]) -> dict[str, Any]:
        record = self._writable(region, params["SecretId"])
        changed = (
            self._history(record)
            .now()
            .move_label(
                params["VersionStage"],
                move_to=params.get("MoveToVersionId"),
                remove_from=params.get("RemoveFromVersionId"),
                now=self._now(),
            )
        )
        self._write(record, changed)
        return {"ARN": record.arn, "Name": record.name}

    def _delegate(self, operation: str, region: str, params: dict[str, Any]) -> dict[str, Any]:
        credential = f"Credential=local/20260101/{region}/secretsmanager/aws4_request"
        response = self._moto.post(
            "/",
            data=json.dumps(params),
            headers={
                "Authorization": f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=h, Signature=s",
                "Content-Type": "application/x-amz-json-1.1",
                "X-Amz-Target": f"secretsmanager.{operation}",
                "x-moto-account-id": self._account,
            },
        )
        body = json.loads(response.get_data() or b"{}")
        if response.status_code >= 400:
            # moto says 404 and 409; each action's "Errors" in the reference say 400, or 500.
            code = body.get("__type", "InternalServiceError").rpartition("#")[2]
            status = 500 if code == "InternalServiceError" else 400
            raise Refused(code, body.get("message", ""), status=status)
        return dict(body)

    def _record(self, region: str, secret_id: str) -> Record:
        secrets = get_backend("secretsmanager")[self._account][region].secrets
        # moto looks through all secrets for a name or ARN; in a fleet that would take minutes.
        name = secret_id.rpartition(":")[2]
        for guess in (name, name.rpartition("-")[0]):
            found = dict.get(secrets, guess)
            if found is not None and secret_id in {found.name, found.arn}:
                return found
        if secret_id not in secrets:
            raise Refused("ResourceNotFoundException", "can't find the specified secret")
        return secrets[secret_id]

    def _writable(self, region: str, secret_id: str) -> Record:
        record = self._record(region, secret_id)
        if hasattr(record, "source"):
            # standalone-secret.html: a replica cannot be updated; the words are the service's own.
            problem = "Operation not permitted on a replica secret."
            place = "Call must be made in primary secret's region."
            raise Refused("InvalidParameterException", f"{problem} {place}")
        if record.owning_service is not None:
            # "Errors" of API_PutSecretValue.html: the secret is managed by another service.
            raise Refused("InvalidRequestException", "the secret is managed by another service")
        return record

    def _history(self, record: Record) -> _History:
        source: Record = getattr(record, "source", record)
        return self._histories.setdefault(source.arn, _History([(self._now(), Versions())]))

    def _seen(self, operation: str, region: str, secret_id: str) -> Versions:
        """What this read sees: now, or some recent writes ago."""
        record = self._record(region, secret_id)
        states = self._history(record).states
        settle_s = self.replica_settle_s if hasattr(record, "source") else self.settle_s
        lag = self.behind(operation, region)
        index = len(states) - 1
        while lag > 0 and index > 0 and self._now() - states[index][0] < settle_s:
            index, lag = index - 1, lag - 1
        return states[index][1]

    def _write(self, record: Record, versions: Versions) -> None:
        history = self._history(record)
        if versions == history.now():
            return
        history.states.append((self._now(), versions))
        record.versions = {
            v.version_id: {
                "version_id": v.version_id,
                "version_stages": sorted(v.stages),
                "createdate": int(v.created_at),
                **({} if v.content is None else {moto_name(v.content[0]): v.content[1]}),
            }
            for v in versions.all
        }
        current = versions.labelled(CURRENT)
        record.set_default_version_id(None if current is None else current.version_id)
        record.last_changed_date = int(self._now())

    def _adopt(self, record: Record) -> None:
        """Take over the versions that moto made."""
        versions = Versions(
            tuple(
                Version(
                    version_id,
                    next(
                        (
                            (name, made[moto_name(name)])
                            for name in ("SecretString", "SecretBinary")
                            if moto_name(name) in made
                        ),
                        None,
                    ),
                    self._now(),
                    frozenset(made["version_stages"]),
                )
                for version_id, made in record.versions.items()
            )
        )
        self._history(record).states.append((self._now(), versions))
