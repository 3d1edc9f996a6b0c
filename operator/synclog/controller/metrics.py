"""What the operator measures of itself. The exports' own figures are in `figures`."""

import platform
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from synclog import __version__
from synclog.controller.figures import Figures

_QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SKEW = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
_RUN = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600)


class Metrics:
    """The process's metrics, in a registry of their own.

    Args:
        figures: the figures of the exports.
        queue_depth: number of keys that wait for a worker.
        is_leader: whether this process acts.
    """

    def __init__(
        self,
        figures: Figures,
        *,
        queue_depth: Callable[[], int],
        is_leader: Callable[[], bool],
    ) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._figures = figures
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        build = Gauge(
            "synclog_operator_build_info",
            "The version that runs; always 1.",
            ("version", "python"),
            registry=self.registry,
        )
        build.labels(__version__, platform.python_version()).set(1)
        leader = Gauge(
            "synclog_operator_is_leader",
            "1 where this process holds the Lease and acts.",
            registry=self.registry,
        )
        leader.set_function(lambda: float(is_leader()))
        depth = Gauge(
            "synclog_operator_queue_depth",
            "Exports that are due for a look and wait for a worker.",
            registry=self.registry,
        )
        depth.set_function(lambda: float(queue_depth()))
        self.loop_lag = Gauge(
            "synclog_operator_loop_lag_seconds",
            "How late the event loop woke up last: time in which nothing could be done.",
            registry=self.registry,
        )
        self.reconcile_duration = Histogram(
            "synclog_operator_reconcile_duration_seconds",
            "Time of one look at one export, waiting for the API server included.",
            buckets=_QUICK,
            registry=self.registry,
        )
        self.reconcile_errors = Counter(
            "synclog_operator_reconcile_errors_total",
            "Looks that failed and are repeated.",
            registry=self.registry,
        )
        self._requests = Counter(
            "synclog_operator_api_requests_total",
            "Requests to the API server; code 0: no answer.",
            ("verb", "code"),
            registry=self.registry,
        )
        self.schedule_skew = Histogram(
            "synclog_export_schedule_skew_seconds",
            "From the tick to the Job that answers it.",
            buckets=_SKEW,
            registry=self.registry,
        )
        self.run_duration = Histogram(
            "synclog_export_run_duration_seconds",
            "From the creation of a Job to its end.",
            buckets=_RUN,
            registry=self.registry,
        )

    def render(self) -> bytes:
        """Everything, in Prometheus' text format. Safe from any thread."""
        return generate_latest(self.registry) + self._figures.render().encode()

    def count_request(self, verb: str, code: int) -> None:
        """A request was answered. Safe from any thread."""
        self._requests.labels(verb, str(code)).inc()
