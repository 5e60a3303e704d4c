"""Builds a fleet from its selector: AWS client, rate limits, policies and probes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rotator.app import PUBLISH_S, ends_in
from rotator.aws.fleet_store import FleetStore
from rotator.aws.store import connect
from rotator.clock import SYSTEM_CLOCK
from rotator.config import PACES, logs
from rotator.errors import ConfigError
from rotator.fleet.discovery import discover
from rotator.fleet.manifest import load_manifest
from rotator.fleet.pacer import Pacer
from rotator.fleet.probes import FleetProbes
from rotator.fleet.run import FleetRun, run_fleet
from rotator.fleet.settings import FleetSettings
from rotator.fleet.status import fleet_status
from rotator.model.policy import RenewalPolicy
from rotator.oauth.endpoint import TokenEndpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from rotator.config import FleetSelector
    from rotator.fleet.binding_status import BindingStatus
    from rotator.fleet.report import BindingReport
    from rotator.fleet.settings import FleetBinding, Selection

__all__ = ["Fleet"]

RUN_LIMIT_S = 840.0
"""How long a run may take unless the caller sets a limit: it ends before the default interval
starts the next one."""


class Fleet:
    """Many bindings, by manifest or by tag, and the AWS client for them, in `region`.

    Raises ConfigError for an unusable manifest, and if there is no region.
    """

    def __init__(self, selector: FleetSelector) -> None:
        settings, self._selection = FleetSettings(), None
        if selector.config is not None:
            settings, self._selection = load_manifest(selector.config)
        stated = {
            name: value
            for name in ("name", "cadence", "interval", "spread", *PACES)
            if (value := getattr(selector, name)) is not None
        }
        self.settings = replace(settings, **stated)
        self._probe_url, self._probe_stored = selector.probe_url, selector.probe_stored
        urls = [each.probe_url for each in self._selection.bindings] if self._selection else []
        if self._probe_stored and self._probe_url is None and urls and not any(urls):
            raise ConfigError(
                "--probe-stored: no binding of the manifest has a probe_url; add it, or pass"
                " --probe-url"
            )
        self._where = dict(selector.where)
        self._client = connect(selector.region)
        self.region: str = self._client.meta.region_name
        self._puts = Pacer(self.settings.puts_per_s, SYSTEM_CLOCK)
        self._reads = Pacer(self.settings.reads_per_s, SYSTEM_CLOCK)

    def select(self, *, remaining_s: float = RUN_LIMIT_S) -> Selection:
        """The bindings; raises ConfigError if there are none, StoreError if none can be listed."""
        return self._selection or discover(self._store(ends_in(remaining_s)), self._where)

    def rotate(
        self,
        selection: Selection,
        *,
        force: bool = False,
        dry_run: bool = False,
        remaining_s: float = RUN_LIMIT_S,
        on_report: Callable[[BindingReport], None] = lambda _: None,
    ) -> list[BindingReport]:
        """Rotate what is due; see `run_fleet`. Logs each failure as a single run does.

        A token that was minted within `remaining_s` may take `PUBLISH_S` more to be published.
        """

        def log_and_pass_on(report: BindingReport) -> None:
            if report.error is not None:
                logs.logger().error(
                    "rotator.rotation_failed",
                    outcome=report.outcome,
                    binding=report.binding.token_secret,
                    **logs.error_fields(report.error),
                )
            on_report(report)

        if selection.broken_off is not None:
            logs.logger().error(
                "rotator.discovery_incomplete", **logs.error_fields(selection.broken_off)
            )
        left_s = ends_in(remaining_s)
        fleet = FleetRun(
            store=self._store(lambda: left_s() + PUBLISH_S),
            batches=self._store(left_s),
            endpoint=TokenEndpoint(remaining_s=left_s),
            settings=self.settings,
            policy_of=self._policy_of,
            clock=SYSTEM_CLOCK,
            puts=self._puts,
            remaining_s=remaining_s,
            region=self.region,
            force=force,
            dry_run=dry_run,
            probes=FleetProbes(self._probe_url, with_stored=self._probe_stored),
            on_report=log_and_pass_on,
        )
        return run_fleet(fleet, selection)

    def status(self, selection: Selection) -> list[BindingStatus]:
        """The health of each token, the most urgent first."""
        return fleet_status(
            self._store(ends_in(RUN_LIMIT_S)),
            selection,
            endpoint=TokenEndpoint(),
            policy_of=self._policy_of,
            clock=SYSTEM_CLOCK,
            region=self.region,
        )

    def _store(self, left_s: Callable[[], float]) -> FleetStore:
        """The store of one run, because it remembers failures of the service."""
        store = FleetStore(self._client, pace=self._reads.wait, back_off=self._reads.back_off)
        return store.limit_time(left_s)

    def _policy_of(self, fleet_binding: FleetBinding) -> RenewalPolicy:
        return RenewalPolicy(
            cadence=fleet_binding.cadence or self.settings.cadence,
            interval=self.settings.interval,
            spread=self.settings.spread,
        )
