"""A source for a module's tests, and folders for one test's exporters, searched for secrets."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from devcluster.code42.behaviour import Behaviour, Population
from devcluster.code42.server import SimulatedCode42, running
from support.exporting import Pod


@pytest.fixture(scope="module")
def source() -> Iterator[SimulatedCode42]:
    with running(Behaviour(population=Population(events_per_day=200))) as simulated:
        yield simulated


@pytest.fixture
def pod(tmp_path: Path, source: SimulatedCode42) -> Iterator[Pod]:
    pod = Pod(tmp_path, source)
    yield pod
    text = "\n".join(pod.outputs)
    for path in [*pod.volume.rglob("*"), *tmp_path.glob("termination-*")]:
        if path.is_file():
            data = path.read_bytes()
            text += (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    assert source.leaks(text) == []
    assert source.client_secret not in text
