"""What `run` is told: a spec from a file or the environment, or a small one made of flags."""

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from synclog.api.destination import Destination
from synclog.api.output import Compression, Output, OutputFormat
from synclog.api.rounds import counts_from
from synclog.api.run import ENV_RUN_SPEC, Owner, Purpose, RunSpec, SpanText
from synclog.api.source import (
    ApiClientAuth,
    Auth,
    BearerTokenAuth,
    Source,
    SourceFormat,
    UserPasswordAuth,
)
from synclog.exporter.errors import ConfigurationError
from synclog.windows import MINUTE, Instant, Window, format_time, parse_duration, parse_time

LAPTOP = Owner(namespace="local", name="synclog-export")
"""Owner of a ledger that was begun by hand."""

OUTPUT_FORMATS = {form.value.lower(): form for form in OutputFormat}
"""Forms of records, as a flag names them."""

_DURATIONS = "write a whole number and one unit, such as 15m, 24h or 90d"

_SOURCE_FLAGS = (
    "tenant",
    "path",
    "proxy",
    "page_size",
    "requests_per_minute",
    "max_rows_per_answer",
    "assume_time_zone",
)
"""Flags that are fields of the source; one that is not given leaves its default."""

_UNUSED = "command-line"
"""Name of the Secret in a spec that is made of flags; nothing reads it."""

_TOTP_SEED = "totpSeed"
"""The file that has the seed, where a second factor is set."""


def run_spec(args: argparse.Namespace, environ: Mapping[str, str] = os.environ) -> RunSpec:
    """The spec that the command line and the environment mean.

    Raises:
        ConfigurationError: it is incomplete or cannot be read.
    """
    if args.spec is not None:
        return _decoded(_content(args.spec), where=f"the file {args.spec}")
    if args.url is not None:
        return _of_flags(args)
    if ENV_RUN_SPEC in environ:
        return _decoded(environ[ENV_RUN_SPEC].encode(), where=f"the variable {ENV_RUN_SPEC}")
    raise ConfigurationError(
        "InvalidRunSpec",
        f"say what to export: --url with --start and --end, or --spec FILE, or {ENV_RUN_SPEC}",
    )


def time_argument(text: str) -> Instant:
    """Read a time from the command line; a bare date is its midnight, UTC."""
    try:
        return parse_time(f"{text}T00:00:00Z" if "T" not in text.upper() else text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from error


def duration_argument(text: str) -> str:
    """Check a duration from the command line."""
    try:
        parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration: {_DURATIONS}") from error
    return text


def count_argument(most: int) -> Callable[[str], int]:
    """Reads a count from the command line: at least one, and not more than this."""

    def read(text: str) -> int:
        if not text.isdecimal() or not 1 <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r}: write a whole number from 1 to {most}")
        return int(text)

    return read


def window_argument(text: str) -> str:
    """Check the length of a window from the command line."""
    if parse_duration(duration_argument(text)) < MINUTE:
        raise argparse.ArgumentTypeError(f"{text} is too short: write at least 1m, or 24h")
    return text


def _content(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            "InvalidRunSpec", f"the spec {name} cannot be read: {error.strerror}"
        ) from error


def _decoded(data: bytes, *, where: str) -> RunSpec:
    try:
        spec = msgspec.json.decode(data, type=RunSpec)
    except msgspec.DecodeError as error:
        raise ConfigurationError("InvalidRunSpec", f"{where} is no run spec: {error}") from error
    for field, text in (
        ("settleDelay", spec.settle_delay),
        ("source.retention", spec.source.retention),
    ):
        try:
            parse_duration(text)
        except ValueError as error:
            wrong = f"{where}: {field}: {text!r} is not a duration: {_DURATIONS}"
            raise ConfigurationError("InvalidRunSpec", wrong) from error
    try:
        parse_time(spec.coverage_start)
        for name in spec.rounds:
            counts_from(name, Window(0, 1))
    except ValueError as error:
        wrong = f"{where}: coverageStart or rounds: {error}"
        raise ConfigurationError("InvalidRunSpec", wrong) from error
    return spec


def _of_flags(args: argparse.Namespace) -> RunSpec:
    if args.start is None or args.end is None or args.start >= args.end:
        raise ConfigurationError(
            "InvalidRunSpec", "write --start and --end, with the start before the end"
        )
    told = vars(args)
    for name in (*_SOURCE_FLAGS, "url", "token_url"):
        if isinstance(told[name], str) and not told[name].isprintable():
            flag = "--" + name.replace("_", "-")
            raise ConfigurationError("InvalidRunSpec", f"{flag} holds bytes that are no text")
    optional = {name: told[name] for name in _SOURCE_FLAGS if told[name] is not None}
    return RunSpec(
        purpose=Purpose.RECHECK if args.recheck else Purpose.WINDOW,
        recheck=args.recheck or "",
        owner=LAPTOP,
        source=Source(
            url=args.url.rstrip("/"),
            format=SourceFormat(args.format.upper()),
            auth=_auth(args),
            retention=args.retention,
            **optional,
        ),
        destination=Destination(),
        output=Output(
            compression=Compression(args.compression.capitalize()),
            format=OUTPUT_FORMATS[args.output_format],
        ),
        coverage_start=format_time(args.start),
        settle_delay=args.settle_delay,
        span=SpanText(
            start=format_time(args.start),
            end=format_time(args.end),
            step_ms=parse_duration(args.max_window),
        ),
        adopt=args.adopt,
    )


def _auth(args: argparse.Namespace) -> Auth:
    match args.auth:
        case "api-client":
            return Auth(api_client=ApiClientAuth(secret_name=_UNUSED, token_url=args.token_url))
        case "user":
            has_seed = (Path(args.auth_dir or ".") / _TOTP_SEED).exists()
            return Auth(
                user_password=UserPasswordAuth(
                    secret_name=_UNUSED,
                    totp_seed_key=_TOTP_SEED if has_seed else None,
                    token_url=args.token_url,
                )
            )
        case _:
            return Auth(bearer_token=BearerTokenAuth(secret_name=_UNUSED))
