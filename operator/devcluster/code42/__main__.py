"""``python -m devcluster.code42``: the simulated source as a program."""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from msgspec import structs

from devcluster.code42.behaviour import Behaviour, from_json
from devcluster.code42.clock import Clock, RealClock, ScaledClock
from devcluster.code42.server import SimulatedCode42
from devcluster.code42.tls import server_tls
from devcluster.code42.tokens import Credentials
from synclog.windows import parse_time

_ENVIRONMENT = {
    "client_id": "CODE42_CLIENT_ID",
    "client_secret": "CODE42_CLIENT_SECRET",
    "username": "CODE42_USERNAME",
    "password": "CODE42_PASSWORD",
    "totp_seed": "CODE42_TOTP_SEED",
}

_EPILOG = f"""\
Clients' credentials come from the environment, so that no process list shows them:
{", ".join(_ENVIRONMENT.values())}.
Steer it while it runs: GET, PUT and POST /_sim/behaviour, POST /_sim/late, /_sim/vanish and
/_sim/expire-tokens; ask it: GET /_sim/truth?start=TIME&end=TIME, /_sim/requests.

examples:
  python -m devcluster.code42 --port 8042
  python -m devcluster.code42 --behaviour '{{"body": {{"framing": "close", "cut_share": 0.5}}}}'
  python -m devcluster.code42 --epoch 2026-01-01T00:00:00Z --speed 3600
"""


def main() -> None:
    options = _parser().parse_args()
    try:
        source = _source(options)
    except (ValueError, OSError) as error:
        raise SystemExit(f"devcluster.code42: {error}") from None
    asyncio.run(_serve(source, options.url_file))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devcluster.code42",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0: a free one")
    parser.add_argument("--seed", type=int, default=42, help="which tenant: events follow from it")
    parser.add_argument("--events-per-day", type=int, metavar="N", help="mean number of events")
    parser.add_argument(
        "--behaviour", metavar="JSON|@FILE", default="{}", help="switches that differ from default"
    )
    parser.add_argument(
        "--epoch", metavar="TIME", help="what the source's clock starts at; default: now"
    )
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="X", help="how fast the source's clock runs"
    )
    parser.add_argument(
        "--tls", type=Path, metavar="DIR", help="serve HTTPS; the CA is written to DIR/ca.crt"
    )
    parser.add_argument(
        "--url-file", type=Path, metavar="FILE", help="write the URL to FILE when ready"
    )
    return parser


def _source(options: argparse.Namespace) -> SimulatedCode42:
    text: str = options.behaviour
    if text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8")
    known = {
        name: os.environ[variable]
        for name, variable in _ENVIRONMENT.items()
        if variable in os.environ
    }
    return SimulatedCode42(
        _with_rate(from_json(text), options.events_per_day),
        options.seed,
        clock=_clock(options.epoch, options.speed),
        credentials=Credentials(**known),
        port=options.port,
        tls=server_tls(options.tls) if options.tls else None,
    )


def _with_rate(behaviour: Behaviour, events_per_day: int | None) -> Behaviour:
    if events_per_day is None:
        return behaviour
    population = structs.replace(behaviour.population, events_per_day=events_per_day)
    return structs.replace(behaviour, population=population)


def _clock(epoch: str | None, speed: float) -> Clock:
    if epoch is None and speed == 1.0:
        return RealClock()
    return ScaledClock(RealClock().now() if epoch is None else parse_time(epoch), speed)


async def _serve(source: SimulatedCode42, url_file: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with source:
        if url_file is not None:
            # Whoever waits for the file must never read half of it.
            partial = url_file.with_name(f".{url_file.name}.partial")
            partial.write_text(source.url + "\n", encoding="utf-8")
            partial.replace(url_file)
        print(source.url, flush=True)
        await stop.wait()


if __name__ == "__main__":
    main()
