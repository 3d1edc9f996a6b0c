"""``synclog-operator``: crd, check, version, and how it refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from synclog import __version__
from synclog.api.crd import custom_resource_definition
from synclog.cli import manifests, operator
from synclog.cli.checking import CheckError, check
from synclog.windows import parse_time

SAMPLES = Path(__file__).parents[3] / "deploy" / "samples"
OVER = {"between": {"start": "2026-03-01T00:00:00Z", "end": "2026-03-02T00:00:00Z"}}
LONG_AGO = {"start": "2020-01-01T00:00:00Z", "end": "2020-02-01T00:00:00Z"}
NOW = parse_time("2026-03-28T12:00:00Z")
GOOD = """
apiVersion: synclog.dev/v1beta1
kind: SyncLogExport
metadata: {name: prod, namespace: team}
spec:
  schedule: "30 2 * * *"
  timeZone: Europe/Berlin
  source: {url: https://console.us.code42.com, auth: {apiClient: {secretName: code42}}}
  range: {rolling: {from: 2026-03-01T00:00:00Z}}
  destination: {persistentVolumeClaim: {claimName: archive}}
"""


def changed(**spec):
    (document,) = manifests.read(GOOD)
    document["spec"] |= spec
    return yaml.safe_dump(document)


def test_a_good_one_is_explained():
    (report,) = check(GOOD, NOW)
    assert report.good
    lines = report.text.splitlines()
    assert lines[0] == "SyncLogExport team/prod"
    ticks = [line for line in lines if " = 2026-" in line]
    assert len(ticks) == 10
    assert "Sun 2026-03-29 03:00 CEST = 2026-03-29T01:00:00Z" in ticks[0], "02:30 does not exist"
    assert "Mon 2026-03-30 02:30 CEST = 2026-03-30T00:30:00Z" in ticks[1]
    assert "28 windows of at most 1d in 1 Job, 2 at a time" in report.text
    assert "[2026-03-28T00:00:00.000Z, 2026-03-28T11:45:00.000Z)" in report.text


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"schedule": None}, "runs once"),
        ({"suspend": True}, "suspend is true"),
        ({"range": {"rolling": {"from": "2027-01-01T00:00:00Z"}}}, "no window yet"),
        ({"range": {"rolling": {"maxWindow": "1h"}}}, "5 Jobs"),
        ({"range": OVER}, "next ticks   none: the range is over"),
        ({"range": {"rolling": {"from": "2020-01-01T00:00:00Z"}}}, "then 91 windows"),
        ({"range": {"rolling": {"from": "2020-01-01T00:00:00Z"}}}, "has forgotten what is older"),
        ({"range": {"between": LONG_AGO}}, "no window: the source has forgotten all of it"),
        (
            {"range": {"rolling": {"from": "0001-01-01T00:00:00Z", "maxWindow": "1m"}}},
            "then 129585 windows of at most 1m in 260 Jobs",
        ),
        ({"range": {"last": {"duration": "7d"}}}, "the last 7d at every run"),
        ({"range": {"last": {"duration": "7d"}}}, "8 windows of at most 1d in 1 Job"),
    ],
)
def test_what_would_happen_is_said(spec, words):
    (report,) = check(changed(**spec), NOW)
    assert report.good, report.text
    assert words in report.text


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"scheduel": "@daily"}, "spec.scheduel: there is no such field"),
        ({"schedule": "61 * * * *"}, "schedule"),
        ({"timeZone": "Mars"}, "Mars"),
        (
            {"source": {"url": "https://x", "auth": {"apiClient": {"secret": "s"}}}},
            "apiClient.secret",
        ),
        ({"parallelism": "two"}, "parallelism"),
        ({"range": {}}, "exactly one"),
        ({"range": {"last": {"duration": "90d"}}}, "shorter than spec.source.retention"),
        ({"podTemplate": {"env": [{"name": "SYNCLOG_X", "value": "1"}]}}, "SYNCLOG_X"),
    ],
)
def test_what_is_wrong_is_named(spec, words):
    (report,) = check(changed(**spec), NOW)
    assert not report.good
    assert words in report.text


def test_metadata_that_is_no_object_is_named():
    (report,) = check(GOOD.replace("{name: prod, namespace: team}", "[prod]"), NOW)
    assert not report.good
    assert "metadata.name" in report.text


def test_every_resource_of_a_file_is_looked_at_and_others_are_passed_over():
    listed = yaml.safe_dump({"kind": "List", "items": [yaml.safe_load(GOOD), {"kind": "Secret"}]})
    assert len(check(f"{GOOD}---\n{listed}\n---\nkind: Service\n", NOW)) == 2


@pytest.mark.parametrize("text", ["", "kind: Secret", "a: [", "just text"])
def test_a_file_without_any_is_an_error(text):
    with pytest.raises(CheckError):
        check(text, NOW)


def test_check_tells_good_from_bad_by_its_exit_code(tmp_path, capsys):
    path = tmp_path / "sle.yaml"
    path.write_text(GOOD)
    assert operator.main(["check", str(path)]) == 0
    path.write_text(changed(timeZone="Mars"))
    assert operator.main(["check", str(path)]) == 1
    assert operator.main(["check", str(tmp_path / "none.yaml")]) == 1
    assert "none.yaml" in capsys.readouterr().err


def test_the_crd_is_printed_as_yaml(capsys):
    assert operator.main(["crd"]) == 0
    assert yaml.safe_load(capsys.readouterr().out) == custom_resource_definition()


def test_the_version_is_printed(capsys):
    assert operator.main(["version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


def test_a_setting_that_cannot_be_used_ends_with_2_and_a_sentence(capsys):
    assert operator.main(["--workers", "none"]) == 2
    assert "--workers" in capsys.readouterr().err


def test_help_names_the_commands(capsys):
    with pytest.raises(SystemExit) as ended:
        operator.main(["--help"])
    assert ended.value.code == 0
    assert "check" in capsys.readouterr().out


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_sample_is_a_good_one(sample):
    (report,) = check(sample.read_text(), NOW)
    assert report.good, report.text


@pytest.mark.parametrize("command", [["check", str(SAMPLES / "volume.yaml")], ["crd"], ["version"]])
def test_whoever_reads_no_further_is_put_up_with(command):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "synclog.cli.operator", *command],
            stdout=writer,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")
