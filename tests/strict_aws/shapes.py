"""What may be sent: names, required ones, lengths, patterns, as the service's own model has them.

The SDK checks what is required and the minimum lengths before it sends; the service checks it all
(InvalidParameterException or ValidationException in the API reference, "Common Errors").
"""

import re
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, Shape, StringShape, StructureShape

from tests.strict_aws.versions import Refused


@cache
def _service() -> Any:  # noqa: ANN401 - botocore says too little of it
    return botocore.session.Session().get_service_model("secretsmanager")


@cache
def operations() -> frozenset[str]:
    return frozenset(_service().operation_names)


def check_parameters(operation: str, params: dict[str, Any]) -> None:
    """Raise Refused unless the service's model allows these parameters."""
    shape = _service().operation_model(operation).input_shape
    _check(shape, params, operation)


def _check(shape: Shape, value: object, where: str) -> None:
    if isinstance(shape, StructureShape):
        _check_structure(shape, value, where)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise _wrong(where, "is not a list")
        _check_size(shape, len(value), where)
        for entry in value:
            _check(shape.member, entry, where)
    elif shape.type_name == "integer" and isinstance(value, int):
        _check_size(shape, value, where)
    elif isinstance(shape, StringShape) or shape.type_name == "blob":
        if not isinstance(value, str):
            raise _wrong(where, "is not a string")
        # SecretString: "65536 bytes" in reference_limits.html, whatever the characters are.
        _check_size(shape, len(value.encode()), where)
        pattern = shape.metadata.get("pattern")
        if pattern is not None and not re.fullmatch(pattern, value):
            raise _wrong(where, "does not match its pattern")


def _check_structure(shape: StructureShape, value: object, where: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(where, "is not an object")
    for name in value.keys() - shape.members.keys():
        raise _wrong(name, "is not a parameter")
    for name in set(shape.required_members) - value.keys():
        raise _wrong(name, "is missing")
    for name, member in value.items():
        _check(shape.members[name], member, name)


def _check_size(shape: Shape, size: int, where: str) -> None:
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    if size < least or (most is not None and size > most):
        raise _wrong(where, f"must be, or have, {least} to {most}")


def _wrong(where: str, problem: str) -> Refused:
    return Refused("InvalidParameterException", f"{where} {problem}")
