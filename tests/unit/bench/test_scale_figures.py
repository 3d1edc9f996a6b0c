"""How the scale benchmark reads its figures; what it measures needs a cluster."""

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from bench.scale.counters import operator_requests, server_requests, total
from bench.scale.due import next_minute, percentile
from bench.scale.processes import cpu_seconds, find

SERVER = """\
# TYPE apiserver_request_total counter
apiserver_request_total{code="201",resource="jobs",subresource="",verb="POST"} 7
apiserver_request_total{code="409",resource="jobs",subresource="",verb="POST"} 1
apiserver_request_total{code="200",resource="jobs",subresource="status",verb="PUT"} 3
apiserver_request_total{code="0",resource="jobs",subresource="",verb="WATCH"} 9
apiserver_request_total{code="200",resource="leases",subresource="",verb="PUT"} 5
apiserver_request_total_more{resource="jobs",subresource="",verb="POST"} 100
"""
OPERATOR = """\
synclog_operator_api_requests_total{verb="POST",code="201"} 4.0
synclog_operator_api_requests_total{verb="POST",code="409"} 1.0
synclog_operator_api_requests_created{verb="POST",code="409"} 1.7e9
synclog_operator_queue_depth 12.0
"""


def test_requests_are_counted_by_what_they_were():
    assert server_requests(SERVER, frozenset({"jobs"})) == {"POST jobs": 8, "PUT jobs/status": 3}
    assert operator_requests(OPERATOR) == {"POST": 5}


def test_a_metric_without_labels_is_read():
    assert total(OPERATOR, "synclog_operator_queue_depth") == 12


@pytest.mark.parametrize(
    ("share", "value"), [(0.01, 1), (0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100)]
)
def test_a_percentile_is_a_value_that_was_seen(share, value):
    assert percentile(range(1, 101), share) == value
    assert percentile([7.0], share) == 7.0


def test_the_next_minute_is_not_before_the_moment():
    assert next_minute(datetime(2026, 1, 1, 23, 59, 0, 1, UTC)) == datetime(2026, 1, 2, tzinfo=UTC)
    assert next_minute(datetime(2026, 1, 1, 0, 7, tzinfo=UTC)) == datetime(
        2026, 1, 1, 0, 7, tzinfo=UTC
    )


def test_a_process_that_has_ended_is_not_taken_for_a_quiet_one():
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # a zombie until it is asked for
    try:
        with pytest.raises(ProcessLookupError, match="has ended"):
            cpu_seconds(child.pid)
    finally:
        child.wait()


def test_a_program_that_does_not_run_is_not_found(tmp_path):
    with pytest.raises(LookupError, match="no kube-controller-manager works in"):
        find("kube-controller-manager", tmp_path)
