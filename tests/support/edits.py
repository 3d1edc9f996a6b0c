"""What people, controllers and machines do to an export while it runs."""

import contextlib
import itertools
import json
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from synclog.api import names

Edit = Callable[[Any, random.Random], None]
"""Does something to a world's export ``prod``."""

_tokens = itertools.count(1)


def exporters(world: Any) -> list[int]:
    """Process ids of the exporters of this world's namespace that run now."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):  # it ended, or is not ours
            told = (process / "environ").read_bytes()
            if f'"namespace":"{world.namespace}"'.encode() in told:
                found.append(int(process.name))
    return found


def kill_an_exporter(world: Any, chance: random.Random) -> None:
    """As the kernel does when memory runs out."""
    if victims := exporters(world):
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(victims), signal.SIGKILL)


def reschedule(world: Any, chance: random.Random) -> None:
    """Another schedule, or none."""
    world.change(schedule=chance.choice(["* * * * *", "@hourly", "H H * * *", None]))


def resize(world: Any, chance: random.Random) -> None:
    """Windows that are cut elsewhere, more or fewer at once."""
    size = chance.choice(["5h", "12h", "24h", "40h"])
    world.change(range={"rolling": {"maxWindow": size}}, parallelism=chance.randint(1, 6))


def suspend(world: Any, _chance: random.Random) -> None:
    """Hold."""
    world.change(suspend=True)


def resume(world: Any, _chance: random.Random) -> None:
    """Go on."""
    world.change(suspend=False)


def trigger(world: Any, _chance: random.Random) -> None:
    """Run now."""
    world.change(trigger=f"edit {next(_tokens)}")


def redirect(world: Any, _chance: random.Random) -> None:
    """Point it to another folder: refused, for a ledger belongs to one."""
    body = {"spec": {"destination": {"persistentVolumeClaim": {"subPath": "elsewhere"}}}}
    path = f"/apis/{names.API_VERSION}/namespaces/{world.namespace}/{names.PLURAL}/prod"
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = world.api.http.patch(path, headers=headers, content=json.dumps(body))
    assert answer.status_code == 422, answer.text


def recreate(world: Any, _chance: random.Random) -> None:
    """Delete it and apply it again, as GitOps tools do when they are told to replace."""
    export = world.api.get(names.PLURAL, world.namespace, "prod")
    world.api.delete(names.PLURAL, world.namespace, "prod")
    body = world.export_body() | {"spec": export["spec"]}
    world.api.create(names.PLURAL, world.namespace, body)


def wipe_the_status(world: Any, _chance: random.Random) -> None:
    """As a restore from a backup does."""
    body = {"status": dict.fromkeys(world.status())}
    world.api.patch(names.PLURAL, world.namespace, "prod", body, "status")


def delete_a_job(world: Any, chance: random.Random) -> None:
    """With its pods."""
    if jobs := world.jobs():
        name = chance.choice(jobs)["metadata"]["name"]
        world.api.delete("jobs", world.namespace, name)


def delete_a_pod(world: Any, chance: random.Random) -> None:
    """As a drain does, or a person."""
    if pods := world.pods():
        name = chance.choice(pods)["metadata"]["name"]
        world.api.delete("pods", world.namespace, name)


EDITS: tuple[Edit, ...] = (
    reschedule,
    resize,
    suspend,
    resume,
    trigger,
    redirect,
    recreate,
    wipe_the_status,
    delete_a_job,
    delete_a_pod,
)
