"""Keeps botocore from reading the data of all services to create a client of one.

botocore lists four hundred folders only to name the known services in an error message, and parses
more than a megabyte of endpoints, nearly all of other services. A test counts the files that are
read, and fails if a release of botocore changes that. Standard library only, because the reader
uses this too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from botocore.loaders import JSONFileLoader
    from botocore.session import Session

__all__ = ["limit_loading"]


def limit_loading(session: Session) -> None:
    """Make the session read only what a Secrets Manager client needs, and the rest on demand.

    A service that doesn't exist then fails only when it is loaded.
    """
    loader = session.get_component("data_loader")
    loader.list_available_services = lambda *_args, **_kwargs: _Everything()
    loader.file_loader = _FileLoader(loader.file_loader, loader.BUILTIN_DATA_PATH)


class _Everything(frozenset[str]):
    """A set that contains every name."""

    def __contains__(self, _name: object) -> bool:
        return True


class _FileLoader:
    """Loads files as botocore's loader does, except for botocore's own endpoints.

    A user's endpoints (AWS_DATA_PATH, ~/.aws/models) are in other files.
    """

    def __init__(self, inner: JSONFileLoader, folder: str) -> None:
        self.exists = inner.exists
        self._load = inner.load_file
        self._endpoints = os.path.join(folder, "endpoints")  # noqa: PTH118 - as botocore does
        self._partitions = os.path.join(folder, "partitions")  # noqa: PTH118

    def load_file(self, file_path: str) -> Any:  # noqa: ANN401 - as JSON has it
        """The content of the file, None if there is none; the path has no extension."""
        partitions = self._load(self._partitions) if file_path == self._endpoints else None
        if partitions is None:
            return self._load(file_path)
        return _Endpoints(lambda: self._load(file_path)).derive(partitions["partitions"])


class _Endpoints:
    """The content of botocore's endpoints file; `load` reads the whole file on demand."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load
        self._services: dict[str, Mapping[str, Any]] = {}

    def derive(self, partitions: list[Any]) -> dict[str, Any]:
        """The same, derived from the smaller file of partitions."""
        return {
            "partitions": [
                {
                    "partition": each["id"],
                    "dnsSuffix": each["outputs"]["dnsSuffix"],
                    "regionRegex": each["regionRegex"],
                    "regions": each["regions"],
                    "defaults": _defaults(each["outputs"]),
                    "services": _Services(partial(self._services_of, each["id"])),
                }
                for each in partitions
            ]
        }

    def _services_of(self, partition: str) -> Mapping[str, Any]:
        if not self._services:
            whole = self._load()["partitions"]
            self._services = {each["partition"]: each["services"] for each in whole}
        return self._services.get(partition, {})


class _Services(Mapping[str, "dict[str, Any]"]):
    """The services of a partition: Secrets Manager uses its defaults, `load` reads the others."""

    def __init__(self, load: Callable[[], Mapping[str, Any]]) -> None:
        self._load = load

    def __getitem__(self, name: str) -> dict[str, Any]:
        return {"endpoints": {}} if name == "secretsmanager" else self._load()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._load())

    def __len__(self) -> int:
        return len(self._load())


def _defaults(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The default endpoint of a partition, with its variants."""
    plain, fips = "{service}.{region}.{dnsSuffix}", "{service}-fips.{region}.{dnsSuffix}"
    variants = [(["fips"], fips, outputs["dnsSuffix"])]
    if outputs["supportsDualStack"]:
        suffix = outputs["dualStackDnsSuffix"]
        variants += [(["dualstack", "fips"], fips, suffix), (["dualstack"], plain, suffix)]
    return {
        "hostname": plain,
        "protocols": ["https"],
        "signatureVersions": ["v4"],
        "variants": [
            {"tags": tags, "hostname": hostname, "dnsSuffix": suffix}
            for tags, hostname, suffix in variants
        ],
    }
