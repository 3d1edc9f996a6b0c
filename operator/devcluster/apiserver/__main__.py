"""``python -m devcluster.apiserver``: serve until told to stop."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import ssl
from pathlib import Path

import yaml
from aiohttp import web

from devcluster.apiserver.assemble import Assembly, assemble
from devcluster.apiserver.certificates import load_certificates


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m devcluster.apiserver",
        description="A Kubernetes API server in memory, for demos and tests.",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 picks a free one")
    parser.add_argument(
        "--data-dir",
        type=Path,
        required=True,
        help="folder for the journal, the keys and, once ready, the kubeconfig; "
        "the same folder again goes on where the server stopped",
    )
    parser.add_argument(
        "--history",
        type=int,
        default=10_000,
        help="changes per resource that watches can resume from",
    )
    parser.add_argument("--ready-file", type=Path, help="file to create when the server answers")
    parser.add_argument(
        "--with-parent", action="store_true", help="stop when the process that started it is gone"
    )
    parser.add_argument("--log-level", default="WARNING", help="level of the log on stderr")
    return parser.parse_args()


def kubeconfig(server: str, ca: Path, token: str) -> str:
    """The administrator's kubeconfig."""
    name = "devcluster"
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": name, "cluster": {"server": server, "certificate-authority": str(ca)}}
            ],
            "users": [{"name": "admin", "user": {"token": token}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": "admin"}}],
            "current-context": name,
        }
    )


async def _serve(arguments: argparse.Namespace) -> None:
    directory: Path = arguments.data_dir
    certificates = load_certificates(directory)
    ca = certificates.authority
    assembly = assemble(directory, ca.read_text(), history=arguments.history)
    runner = web.AppRunner(assembly.server.application(), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.create_task(assembly.controllers.run())]
    if arguments.with_parent:
        tasks.append(asyncio.create_task(_follow_parent(stop)))
    try:
        address = await _listen(runner, arguments.port, certificates.context())
        assembly.server.address = address
        _announce(directory, f"https://{address}", ca, assembly, arguments.ready_file)
        print(f"https://{address}", flush=True)
        await stop.wait()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await runner.cleanup()
        assembly.journal.close()


async def _follow_parent(stop: asyncio.Event) -> None:
    """A parent that was killed could not stop the server; then it stops by itself."""
    parent = os.getppid()
    while os.getppid() == parent:  # noqa: ASYNC110  # no event tells of a parent's death
        await asyncio.sleep(1)
    stop.set()


async def _listen(runner: web.AppRunner, port: int, context: ssl.SSLContext) -> str:
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=context, backlog=512)
    await site.start()
    host, bound = runner.addresses[0][:2]
    return f"{host}:{bound}"


def _announce(
    directory: Path, server: str, ca: Path, assembly: Assembly, ready: Path | None
) -> None:
    path = directory / "kubeconfig"
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(kubeconfig(server, ca.resolve(), assembly.keys.admin_token))
    fresh.replace(path)  # whoever waits for the file finds it whole
    if ready is not None:
        ready.touch()


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    arguments = _arguments()
    logging.basicConfig(
        level=arguments.log_level.upper(), format="%(levelname)s %(name)s %(message)s"
    )
    arguments.data_dir.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(arguments))


if __name__ == "__main__":
    main()
