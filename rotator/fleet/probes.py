"""The probes of a fleet's tokens, which skip an API that keeps failing to respond."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from rotator.errors import ProbeError
from rotator.fleet.breaker import MAX_FAILURES
from rotator.model.urls import endpoint_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.fleet.settings import FleetBinding
    from rotator.model.access_token import AccessToken
    from rotator.rotation.probe import ApiResponse

__all__ = ["FleetProbes"]


class FleetProbes:
    """The probes of one run; `url` is for bindings that have none of their own.

    With `with_stored` stored tokens are probed as well. An API that has not responded three times
    in a row is not called again: an unverified token is published anyway, and each further call
    would keep a worker busy until it times out.
    """

    def __init__(self, url: str | None = None, *, with_stored: bool = False) -> None:
        self._url = url
        self._with_stored = with_stored
        self._lock = threading.Lock()
        self._unanswered: Counter[str] = Counter()

    def host(self, fleet_binding: FleetBinding) -> str | None:
        """The host and port of this binding's API; None if it has no API."""
        url = self._url_of(fleet_binding)
        return None if url is None else endpoint_host(url)

    def new_token_probe(
        self, fleet_binding: FleetBinding
    ) -> Callable[[AccessToken], str | None] | None:
        """The probe of a new token before it is published; see `make_probe`."""
        url = self._url_of(fleet_binding)
        if url is None:
            return None
        from rotator.rotation.probe import make_probe

        return make_probe(url, call=self._call)

    def stored_token_probe(
        self, fleet_binding: FleetBinding
    ) -> Callable[[AccessToken], bool] | None:
        """The probe of a stored token; see `make_stored_probe`."""
        url = self._url_of(fleet_binding)
        if url is None or not self._with_stored:
            return None
        from rotator.rotation.probe import make_stored_probe

        return make_stored_probe(url, call=self._call)

    def _url_of(self, fleet_binding: FleetBinding) -> str | None:
        return fleet_binding.probe_url or self._url

    def _call(self, url: str, **options: Any) -> ApiResponse:
        from rotator.rotation.probe import call_api

        host = endpoint_host(url)
        with self._lock:
            is_silent = self._unanswered[host] >= MAX_FAILURES
        if is_silent:
            raise ProbeError("API: not called again in this run, because it did not respond before")
        try:
            response = call_api(url, **options)
        except ProbeError:
            with self._lock:
                self._unanswered[host] += 1
            raise
        with self._lock:
            self._unanswered[host] = 0
        return response
