"""Runs one container of a pod, again and again as its restart policy says."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from typing import Any

from devcluster.client import ApiError
from devcluster.podrunner.environment import build_environment
from devcluster.podrunner.errors import ConfigError, ImageError, MountError, RunError
from devcluster.podrunner.host import Host
from devcluster.podrunner.images import SEARCH_PATH, command_line
from devcluster.podrunner.lookup import ApiLookup
from devcluster.podrunner.paths import PathMap
from devcluster.podrunner.process import (
    LOST,
    START_ERROR,
    Attempt,
    attempts_of,
    termination_message,
)
from devcluster.podrunner.status import Record, Running, Terminated, Waiting
from devcluster.podrunner.volumes import mounts_of

_LONGEST_RESTART_DELAY = 300.0
_CONFIG_RETRY = 1.0
_PULL_RETRY = 5.0
_PULL_ERROR_SHOWN = 0.5


@dataclass(frozen=True, slots=True)
class _Launch:
    """What it takes to start a container."""

    command: list[str]
    variables: dict[str, str]
    directory: Path


class ContainerRunner:
    """One container of one pod; `record` tells where it stands."""

    def __init__(
        self,
        host: Host,
        pod: dict[str, Any],
        container: dict[str, Any],
        folder: Path,
        changed: Callable[[], None],
        *,
        init: bool,
    ) -> None:
        self._host = host
        self._pod = pod
        self._container = container
        self._folder = folder
        self._changed = changed
        self._init = init
        self._attempt: Attempt | None = None
        self._execution: asyncio.Task[None] | None = None
        waiting = "PodInitializing" if pod["spec"].get("initContainers") else "ContainerCreating"
        self.record = Record(container["name"], container["image"], Waiting(waiting))

    @property
    def _policy(self) -> str:
        return str(self._pod["spec"].get("restartPolicy", "Always"))

    async def run(self, volumes: Mapping[str, Path]) -> None:
        """Run until the container needs not run again.

        Cancelling this starts nothing more; it leaves the process, see `stop`.
        """
        known = attempts_of(self._folder)
        number = len(known)
        if known:  # an earlier runner started it
            self.record.restarts = number - 1
            await self._follow(known[-1], None)
        elif self._had_started():
            self._end(LOST, "ContainerStatusUnknown", "The container's process is gone")
        else:
            await self._start(number, volumes)
        while not self._done():
            await self._await_restart()
            number = len(attempts_of(self._folder))
            await self._start(number, volumes)

    async def stop(self) -> None:
        """Ask the process to end, and wait until it has."""
        await self._send(Signals.SIGTERM)

    async def kill(self) -> None:
        """End the process and all that it started, and wait until they are gone."""
        await self._send(Signals.SIGKILL)

    async def _send(self, number: Signals) -> None:
        if self._execution is None or self._attempt is None or self._execution.done():
            return
        sender = asyncio.create_task(self._attempt.send(number))
        try:
            await asyncio.shield(self._execution)
        finally:
            sender.cancel()

    def _done(self) -> bool:
        if self.record.succeeded:
            return self._init or self._policy != "Always"
        return self._policy == "Never"

    def _had_started(self) -> bool:
        kind = "initContainerStatuses" if self._init else "containerStatuses"
        for status in self._pod.get("status", {}).get(kind) or ():
            if status["name"] == self.record.name:
                return "waiting" not in status.get("state", {"waiting": {}})
        return False

    def _set(self, state: Waiting | Running | Terminated) -> None:
        if self.record.state != state:
            self.record.state = state
            self._changed()

    def _end(self, code: int, reason: str, message: str) -> None:
        self._set(Terminated(code, reason, message, None, None))

    async def _start(self, number: int, volumes: Mapping[str, Path]) -> None:
        try:
            launch = await self._prepare(volumes)
        except RunError as error:
            self._host.recorder.event(self._pod, "Warning", "Failed", f"Error: {error}")
            Attempt(self._folder / str(number)).refuse(START_ERROR)
            self._end(START_ERROR, "StartError", str(error))
            return
        await self._follow(Attempt(self._folder / str(number)), launch)

    async def _follow(self, attempt: Attempt, launch: _Launch | None) -> None:
        """See a run through, without being the one whose cancellation would end it."""
        self._attempt = attempt
        self._execution = asyncio.create_task(self._execute(attempt, launch))
        await asyncio.shield(self._execution)

    async def _execute(self, attempt: Attempt, launch: _Launch | None) -> None:
        name = self.record.name
        if launch is not None:
            try:
                await attempt.start(launch.command, launch.variables, launch.directory)
            except RunError as error:
                self._host.recorder.event(self._pod, "Warning", "Failed", f"Error: {error}")
                self._end(START_ERROR, "StartError", str(error))
                return
            self._host.recorder.event(self._pod, "Normal", "Started", f"Started container {name}")
        uid = self._pod["metadata"]["uid"]
        self.record.id = f"process://{uid}/{name}/{attempt.folder.name}"
        self._set(Running(attempt.began))
        end = await attempt.wait()
        policy = self._container.get("terminationMessagePolicy", "File")
        message = await asyncio.to_thread(termination_message, attempt, end.code, policy)
        reason = "Completed" if end.code == 0 else "Error"
        if not end.seen:
            reason = "ContainerStatusUnknown"
        self._set(Terminated(end.code, reason, message, attempt.began, end.at))

    async def _await_restart(self) -> None:
        ended = self.record.state
        assert isinstance(ended, Terminated)
        delay = 0.0
        if self.record.restarts > 0:
            delay = self._host.restart_delay * (1 << min(self.record.restarts - 1, 20))
        delay = min(delay, _LONGEST_RESTART_DELAY)
        if delay:
            meta = self._pod["metadata"]
            whose = f"{meta['name']}_{meta['namespace']}({meta['uid']})"
            text = f"back-off {delay:g}s restarting failed container={self.record.name} pod={whose}"
            self.record.last = ended
            self._set(Waiting("CrashLoopBackOff", text))
            self._host.recorder.event(self._pod, "Warning", "BackOff", text)
            await asyncio.sleep(delay)
        self.record.last = ended
        self.record.restarts += 1

    async def _prepare(self, volumes: Mapping[str, Path]) -> _Launch:
        """Do what comes before the start, again and again until it can be done."""
        while True:
            try:
                return await self._try_to_prepare(volumes)
            except ImageError as error:
                await self._show_image_error(error)
            except (ConfigError, MountError) as error:
                self._host.recorder.event(self._pod, "Warning", "Failed", f"Error: {error}")
                self._set(Waiting("CreateContainerConfigError", str(error)))
                await asyncio.sleep(_CONFIG_RETRY)
            except ApiError:
                await asyncio.sleep(_CONFIG_RETRY)

    async def _show_image_error(self, error: ImageError) -> None:
        image = self.record.image
        self._set(Waiting(error.reason, str(error)))
        if error.reason != "ErrImagePull":
            event = "InspectFailed" if error.reason == "InvalidImageName" else error.reason
            self._host.recorder.event(self._pod, "Warning", event, str(error))
            await asyncio.sleep(_PULL_RETRY)
            return
        message = f'Failed to pull image "{image}": {error}'
        self._host.recorder.event(self._pod, "Warning", "Failed", message)
        self._host.recorder.event(self._pod, "Warning", "Failed", "Error: ErrImagePull")
        await asyncio.sleep(_PULL_ERROR_SHOWN)
        text = f'Back-off pulling image "{image}"'
        self._set(Waiting("ImagePullBackOff", f"{text}: ErrImagePull: {error}"))
        self._host.recorder.event(self._pod, "Normal", "BackOff", text)
        await asyncio.sleep(_PULL_RETRY)

    async def _try_to_prepare(self, volumes: Mapping[str, Path]) -> _Launch:
        container, image = self._container, self.record.image
        if delay := self._host.faults.pull_delay:
            self._host.recorder.event(self._pod, "Normal", "Pulling", f'Pulling image "{image}"')
            await asyncio.sleep(delay)
        entrypoint = self._host.images.entrypoint(image, container.get("imagePullPolicy", ""))
        text = f'Container image "{image}" already present on machine'
        self._host.recorder.event(self._pod, "Normal", "Pulled", text)

        meta, spec = self._pod["metadata"], self._pod["spec"]
        home = self._folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        lookup = ApiLookup(self._host.client, meta["namespace"])
        given = await build_environment(self._pod, container, lookup)
        attempt = Attempt(self._folder / str(len(attempts_of(self._folder))))
        message = container.get("terminationMessagePath") or "/dev/termination-log"
        mounts = mounts_of(container, volumes, given)
        paths = PathMap({**mounts, message: attempt.termination_log})
        variables = {
            "PATH": SEARCH_PATH,
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "HOSTNAME": spec.get("hostname") or meta["name"],
            **{name: paths.rewrite(value) for name, value in given.items()},
        }
        command = command_line(container, entrypoint, variables, paths)
        directory = home
        if inside := container.get("workingDir"):
            directory = Path(paths.rewrite(inside))
            if not directory.is_dir():
                raise RunError(f'chdir to cwd ("{inside}") set in config.json failed')
        return _Launch(command, variables, directory)
