"""What Prometheus reads. Every label has only so many values, whatever is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

_METHODS = ("GET", "POST", "HEAD", "OPTIONS")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_RUN_SECONDS = (0.1, 0.5, 1, 5, 15, 60, 300, 1800, 7200, 43_200)
OTHER = "other"

disable_created_metrics()  # type: ignore[no-untyped-call]  # a switch of the whole library


class Meters:
    """Counters of one service.

    Parameters
    ----------
    backends
        Names that get a label of their own; all others count as ``other``.
    live
        How many runs go on.
    """

    def __init__(
        self, backends: Collection[str], live: Callable[[], int] = lambda: 0
    ) -> None:
        self.registry = CollectorRegistry()
        self._backends = frozenset(backends)
        self._requests = Counter(
            "qflow_http_requests",
            "Requests by route, method and class of status.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "qflow_http_request_seconds",
            "Time until a request was answered, streams left out.",
            ("route", "method"),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._refused = Counter(
            "qflow_refused",
            "Requests that were refused, by reason.",
            ("reason",),
            registry=self.registry,
        )
        self._runs = Counter(
            "qflow_runs",
            "Runs that have ended, by state and backend.",
            ("state", "backend"),
            registry=self.registry,
        )
        self._run_seconds = Histogram(
            "qflow_run_seconds",
            "Time from the start of a run to its end, by backend.",
            ("backend",),
            buckets=_RUN_SECONDS,
            registry=self.registry,
        )
        self.streams = 0
        """Streams of events that are open."""
        self.registry.register(_Gauges(self, live))

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request was answered; 0 is the status of one that was given up."""
        method = method if method in _METHODS else OTHER
        group = f"{status // 100}xx" if status else "none"
        self._requests.labels(route, method, group).inc()
        if not route.endswith("/events"):
            self._seconds.labels(route, method).observe(seconds)

    def refused(self, reason: str) -> None:
        """A request was refused: ``token``, ``scope``, ``rate`` or ``busy``."""
        self._refused.labels(reason).inc()

    def run(self, state: str, backends: Iterable[str], seconds: float) -> None:
        """A run has ended."""
        for name in {self._label(name) for name in backends}:
            self._runs.labels(state, name).inc()
            self._run_seconds.labels(name).observe(seconds)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _label(self, backend: str) -> str:
        return backend if backend in self._backends else OTHER


class _Gauges(Collector):
    def __init__(self, meters: Meters, live: Callable[[], int]) -> None:
        self._meters = meters
        self._live = live

    def collect(self) -> Iterable[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "qflow_runs_live", "Runs that go on.", value=self._live()
        )
        yield GaugeMetricFamily(
            "qflow_streams_open",
            "Streams of events that are open.",
            value=self._meters.streams,
        )
