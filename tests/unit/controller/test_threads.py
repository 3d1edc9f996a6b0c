"""The pool of threads: bounded, in order, and never in the way of the end."""

import subprocess
import sys
import threading

import pytest

from synclog.controller.threads import DaemonPool

HUNG = """
import threading
from synclog.controller.threads import DaemonPool
pool, begun = DaemonPool(1, "api"), threading.Event()
pool.submit(lambda: (begun.set(), threading.Event().wait()))
begun.wait()
pool.shutdown()
"""


@pytest.fixture
def pool():
    made = DaemonPool(2, "tests")
    yield made
    made.shutdown()


def test_results_and_errors_come_back(pool):
    assert pool.submit(divmod, 7, 2).result(10) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        pool.submit(divmod, 7, 0).result(10)


def test_no_more_calls_at_once_than_threads(pool):
    lock, both = threading.Lock(), threading.Barrier(2)
    now = most = 0

    def work():
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        both.wait(10)
        with lock:
            now -= 1

    for call in [pool.submit(work) for _ in range(8)]:
        call.result(10)
    assert most == 2


def test_threads_are_used_again(pool):
    names = {pool.submit(lambda: threading.current_thread().name).result(10) for _ in range(20)}
    assert names <= {"tests-1", "tests-2"}


def test_a_call_that_was_cancelled_in_line_is_not_made(pool):
    go, made = threading.Event(), []
    busy = [pool.submit(go.wait, 10) for _ in range(2)]
    waiting = pool.submit(made.append, "made")
    assert waiting.cancel()
    go.set()
    assert all(call.result(10) for call in busy)
    pool.submit(int).result(10)
    assert made == []


def test_nothing_is_taken_after_the_end(pool):
    pool.shutdown()
    with pytest.raises(RuntimeError, match="shut down"):
        pool.submit(int)


def test_a_process_ends_although_a_call_never_does():
    done = subprocess.run([sys.executable, "-c", HUNG], check=False, timeout=60)
    assert done.returncode == 0
