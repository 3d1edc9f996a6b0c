"""What the benchmarks of the exporter measure with."""

import sys

import pytest

from bench.measuring import MIB, Cost, measure

PYTHON = [sys.executable, "-I", "-S", "-c"]


def test_memory_is_that_of_the_command_and_not_of_who_measures():
    """The kernel lets a peak begin with that of the process that was forked."""
    ours = bytearray(b"x") * (200 * MIB)
    assert measure([*PYTHON, "pass"]).rss < 100 * MIB < len(ours)
    assert measure([*PYTHON, f"bytearray(b'x') * {150 * MIB}"]).rss > 150 * MIB


def test_cpu_is_that_of_the_command():
    assert measure([*PYTHON, "import time\nwhile time.process_time() < 0.2: pass"]).cpu >= 0.2


def test_output_goes_where_it_is_wanted_and_variables_come_along(tmp_path):
    show = "import os; print(os.environ['SYNCLOG_SHOWN'])"
    measure([*PYTHON, show], to=tmp_path / "out", environ={"SYNCLOG_SHOWN": "me"})
    assert (tmp_path / "out").read_text() == "me\n"


def test_a_command_that_fails_ends_the_benchmark_and_says_why():
    with pytest.raises(SystemExit, match=r"(?s)ended with 3.*out of paper"):
        measure([*PYTHON, "import sys; print('out of paper', file=sys.stderr); sys.exit(3)"])


def test_costs_of_two_commands_in_a_row():
    assert Cost(1, 2, 30) + Cost(10, 20, 3) == Cost(11, 22, 30)
