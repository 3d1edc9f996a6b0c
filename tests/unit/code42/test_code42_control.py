"""Steering a running source: /_sim, the program, the asynchronous helper."""

import json
import os
import ssl
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
import httpx
import pytest

from devcluster.code42 import (
    Behaviour,
    Paging,
    Population,
    ScaledClock,
    SimulatedCode42,
    Tokens,
    Truth,
    from_csv,
    from_json_lines,
    running,
    server_tls,
)
from devcluster.code42.behaviour import from_json, patched
from synclog.windows import DAY, HOUR, Window, format_time


def range_of(window: Window) -> dict[str, str]:
    return {"start": format_time(window.start), "end": format_time(window.end)}


def test_the_truth_over_http(connect: Callable, yesterday: Window) -> None:
    client = connect()
    truth = client.source.truth
    answer = client.http.get("/_sim/truth", params=range_of(yesterday))
    assert Counter(from_json_lines(answer.content)) == truth.multiset(yesterday)
    assert answer.headers["synclog-count"] == str(truth.count(yesterday))
    assert answer.headers["synclog-digest"] == truth.digest(yesterday)
    summary = client.http.get("/_sim/truth", params=range_of(yesterday) | {"summary": "true"})
    assert summary.json() == {"count": truth.count(yesterday), "digest": truth.digest(yesterday)}


def test_the_visible_truth_over_http(connect: Callable, now: int, yesterday: Window) -> None:
    client = connect()
    late = client.source.add_late_random(yesterday, 4, now + HOUR)
    every = client.http.get("/_sim/truth", params=range_of(yesterday))
    visible = client.http.get("/_sim/truth", params=range_of(yesterday) | {"visible": "true"})
    unseen = Counter(from_json_lines(every.content)) - Counter(from_json_lines(visible.content))
    assert unseen == Counter(late)
    assert client.source.truth.visible(yesterday, now) == from_json_lines(visible.content)


def test_a_patch_changes_what_it_mentions(connect: Callable) -> None:
    client = connect(Behaviour(paging=Paging(base=0)))
    patch = {"paging": {"max_size": 7}, "row_cap": {"rows": 3}, "extra_fields": {"a": "b"}}
    answer = client.http.post("/_sim/behaviour", json=patch)
    assert answer.json()["paging"] | {"base": 0, "max_size": 7} == answer.json()["paging"]
    assert client.source.behaviour.paging == Paging(base=0, max_size=7)
    assert len(client.rows(0, 10)) == 3
    assert client.http.get("/_sim/behaviour").json() == answer.json()


def test_a_put_replaces_the_behaviour(connect: Callable) -> None:
    client = connect(Behaviour(paging=Paging(base=0)))
    assert client.http.put("/_sim/behaviour", json={"row_cap": {"rows": 3}}).status_code == 200
    assert client.source.behaviour.paging == Paging()


def test_null_is_a_value_of_a_patch() -> None:
    assert patched(Behaviour(), {"json": {"list_key": None}}).json.list_key is None


@pytest.mark.parametrize(
    ("method", "path", "body", "says"),
    [
        ("POST", "/_sim/behaviour", {"paging": {"bass": 1}}, "bass"),
        ("POST", "/_sim/behaviour", {"paging": {"base": 2}}, "$.paging.base"),
        ("PUT", "/_sim/behaviour", {"nothing": {}}, "nothing"),
        ("POST", "/_sim/behaviour", {"csv": {"columns": {"id": "id"}}}, "logEventTimeStamp"),
        (
            "PUT",
            "/_sim/behaviour",
            {"population": {"bulk_bytes_per_day": 1}, "row_cap": {"rows": 1}},
            "row_cap",
        ),
        ("POST", "/_sim/late", {"count": 3}, "start"),
        ("POST", "/_sim/late", {"events": [{}]}, "logEventTimeStamp"),
        ("GET", "/_sim/truth?start=now&end=later", None, "'now' is not a time"),
    ],
)
def test_bad_orders_are_explained(
    connect: Callable, method: str, path: str, body: object, says: str
) -> None:
    answer = connect().http.request(method, path, json=body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


def test_late_and_vanished_events_over_http(connect: Callable, now: int, yesterday: Window) -> None:
    client = connect()
    truth = client.source.truth.multiset(yesterday)
    mine = {"logEventTimeStamp": format_time(now - HOUR), "username": "late@example.com"}
    client.http.post("/_sim/late", json={"events": [mine]}).raise_for_status()
    at_random = range_of(yesterday) | {"count": 2, "visibleAt": format_time(now + HOUR)}
    client.http.post("/_sim/late", json=at_random).raise_for_status()
    added = client.source.truth.multiset(yesterday) - truth
    assert added.total() == 3
    appeared = Counter(from_csv(client.csv().content)) - truth
    assert [event.username for event in appeared.elements()] == ["late@example.com"]

    vanish = range_of(yesterday) | {"count": 5}
    gone = client.http.post("/_sim/vanish", json=vanish).json()["vanished"]
    assert len(gone) == 5
    assert (truth - Counter(from_csv(client.csv().content))).total() == 5
    again = client.http.post("/_sim/vanish", json=vanish).json()["vanished"]
    assert len(again) == 5
    assert (truth - Counter(from_csv(client.csv().content))).total() == 10


def test_tokens_are_expired_over_http(connect: Callable) -> None:
    client = connect()
    assert client.http.post("/_sim/expire-tokens").status_code == 204
    assert client.csv().status_code == 401


def test_the_request_log_holds_no_secrets(connect: Callable) -> None:
    client = connect()
    token = client.token()
    client.http.post(
        "/v1/oauth",
        params={"grant_type": "client_credentials", "client_secret": client.source.client_secret},
    )
    client.csv(Authorization=f"Bearer {token}")
    answer = client.http.get("/_sim/requests")
    log = answer.json()
    assert log["tokens"] == 2
    assert log["counts"] == {"tokens 200": 2, "tokens 401": 1, "data 200": 1}
    assert [entry["status"] for entry in log["requests"]] == [200, 200, 401, 200]
    last = log["requests"][-1]
    assert (last["path"], last["authorization"]) == ("/api/v3/DirectorySyncLog/csv", "Bearer")
    assert last["rows"] > 100
    assert not client.source.leaks(answer.text)
    assert client.source.leaks(token)


def test_a_behaviour_survives_json() -> None:
    behaviour = Behaviour(tokens=Tokens(accepts=("user",)), extra_fields={"a": "b"})
    assert patched(behaviour, {}) == behaviour
    assert from_json("{}") == Behaviour()


async def test_in_an_event_loop(yesterday: Window) -> None:
    async with (
        SimulatedCode42(seed=9) as source,
        aiohttp.ClientSession(source.url) as session,
        session.get("/_sim/truth", params=range_of(yesterday) | {"summary": "true"}) as answer,
    ):
        assert (await answer.json())["digest"] == Truth.of(9).digest(yesterday)


def test_a_failing_start_reaches_the_caller() -> None:
    with running() as source:
        port = int(source.url.rpartition(":")[2])
        taken = SimulatedCode42(port=port)
        with pytest.raises(OSError, match="address already in use"), running(port=port):
            raise AssertionError("two sources on one port")
        assert taken.client_id == source.client_id


def test_a_scaled_clock_runs_from_its_epoch() -> None:
    seconds = [50.0]
    clock = ScaledClock(1_000_000, speed=60, monotonic=lambda: seconds[0])
    seconds[0] += 2.5
    assert clock.now() == 1_000_000 + 150_000


def test_tls(tmp_path: Path) -> None:
    with running(tls=server_tls(tmp_path)) as source:
        assert source.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.crt"))
        with httpx.Client(base_url=source.url, verify=trusted, trust_env=False) as http:
            assert http.get("/_sim/requests").status_code == 200
        with (
            httpx.Client(base_url=source.url, trust_env=False) as http,
            pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
        ):
            http.get("/_sim/requests")


def test_the_program(tmp_path: Path) -> None:
    options = tmp_path / "behaviour.json"
    options.write_text(json.dumps({"population": {"burst_rows": 0}}))
    url_file = tmp_path / "url"
    arguments = ["--seed", "3", "--events-per-day", "48", "--behaviour", f"@{options}"]
    arguments += ["--url-file", str(url_file), "--epoch", "2026-03-01T00:00:00Z"]
    with subprocess.Popen(
        [sys.executable, "-m", "devcluster.code42", *arguments],
        env=os.environ | {"CODE42_CLIENT_ID": "me", "CODE42_CLIENT_SECRET": "mine"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url_file.read_text().strip() == url
            with httpx.Client(base_url=url, trust_env=False) as http:
                grant = {"grant_type": "client_credentials"}
                token = http.post("/v1/oauth", params=grant, auth=("me", "mine")).json()
                answer = http.get(
                    "/api/v3/DirectorySyncLog/csv",
                    headers={"Authorization": f"Bearer {token['access_token']}"},
                )
        finally:
            process.terminate()
        assert process.wait(timeout=20) == 0
    events = from_csv(answer.content)
    assert answer.headers["date"].startswith("Sun, 01 Mar 2026 00:00:")
    assert len(events) == pytest.approx(90 * 48, rel=0.1)
    behaviour = Behaviour(population=Population(events_per_day=48, burst_rows=0))
    day = Window(events[0].instant // DAY * DAY + DAY, events[0].instant // DAY * DAY + 2 * DAY)
    mine = Counter(event for event in events if event.instant in day)
    assert mine == Truth.of(3, behaviour).multiset(day)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--behaviour", '{"body": {"framing": "pigeon"}}'], "$.body.framing"),
        (["--behaviour", "@/nowhere"], "/nowhere"),
        (["--epoch", "yesterday"], "'yesterday' is not a time"),
    ],
)
def test_the_program_explains_bad_options(arguments: list[str], says: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "devcluster.code42", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("devcluster.code42: ")
    assert says in ended.stderr
