"""How the devcluster's own programs start and stop."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags that every program has."""
    parser.add_argument(
        "--kubeconfig", type=Path, required=True, help="how to reach the API server, as an admin"
    )
    parser.add_argument(
        "--ready-file",
        type=Path,
        help="a file to write, with a JSON object, as soon as the program serves",
    )
    parser.add_argument(
        "--with-parent",
        action="store_true",
        help="stop when the process that started this one is gone",
    )
    parser.add_argument("--log-level", default="INFO", help="DEBUG, INFO, WARNING or ERROR")


def tell_ready(path: Path | None, **facts: Any) -> None:
    """Write the ready file, whole or not at all."""
    _log.info("ready %s", facts)
    if path is not None:
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"pid": os.getpid(), **facts}), encoding="utf-8")
        temporary.replace(path)


def run_program(
    arguments: argparse.Namespace, main: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """Run until SIGTERM, SIGINT, or (with the flag) the end of the parent; then cancel ``main``."""
    logging.basicConfig(
        level=arguments.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_until_told(main, with_parent=arguments.with_parent))


async def _until_told(main: Callable[[], Coroutine[Any, Any, None]], *, with_parent: bool) -> None:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    watcher = asyncio.create_task(_follow_parent(task)) if with_parent else None
    try:
        await main()
    finally:
        if watcher is not None:
            watcher.cancel()


async def _follow_parent(task: asyncio.Task[None]) -> None:
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0.5)
    _log.warning("the parent is gone")
    task.cancel()
