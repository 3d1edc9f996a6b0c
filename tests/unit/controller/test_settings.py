"""Flags, environment, defaults."""

from argparse import ArgumentParser
from dataclasses import fields
from pathlib import Path

import pytest

from synclog.controller.settings import Settings, add_flags, flag_of, read, variable_of

DOCS = Path(__file__).parents[3] / "docs" / "operations.md"


def given(*arguments, **environ):
    parser = ArgumentParser()
    add_flags(parser)
    return read(vars(parser.parse_args(arguments)), environ)


def test_the_defaults_stand_without_anything():
    settings = given()
    assert settings.namespaces == ()
    assert settings.listen == ("0.0.0.0", 8080)
    assert settings.leader_election is True
    assert settings.resync == 300.0


def test_a_flag_wins_over_its_variable_and_that_over_the_default():
    assert given(SYNCLOG_OPERATOR_WORKERS="7").workers == 7
    assert given("--workers", "9", SYNCLOG_OPERATOR_WORKERS="7").workers == 9
    assert given(SYNCLOG_OPERATOR_WORKERS="").workers == 1000


@pytest.mark.parametrize(
    ("flag", "text", "field", "value"),
    [
        ("--namespaces", "a, b,,c", "namespaces", ("a", "b", "c")),
        ("--allowed-source-hosts", "*.code42.com", "allowed_source_hosts", ("*.code42.com",)),
        ("--listen", ":9090", "listen", ("0.0.0.0", 9090)),
        ("--listen", "[::1]:0", "listen", ("::1", 0)),
        ("--resync", "90s", "resync", 90.0),
        ("--retry-period", "250ms", "retry_period", 0.25),
        ("--leader-election", "False", "leader_election", False),
        ("--image-pull-policy", "always", "image_pull_policy", "Always"),
        ("--spool-size", "500Mi", "spool_size", "500Mi"),
        ("--spool-size", "1.5G", "spool_size", "1.5G"),
        ("--api-qps", "0.5", "api_qps", 0.5),
    ],
)
def test_values_are_read(flag, text, field, value):
    assert getattr(given(flag, text), field) == value


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--resync", "soon"),
        ("--resync", "0s"),
        ("--retry-period", "0ms"),
        ("--workers", "0"),
        ("--workers", "many"),
        ("--api-qps", "-1"),
        ("--api-qps", "nan"),
        ("--listen", "8080"),
        ("--listen", "host:99999"),
        ("--leader-election", "perhaps"),
        ("--log-format", "xml"),
        ("--spool-size", "big"),
        ("--spool-size", "10K"),
        ("--spool-size", "10iG"),
        ("--spool-size", ""),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_flag(flag, text):
    with pytest.raises(ValueError, match=flag):
        given(f"{flag}={text}")


def test_a_bad_variable_is_named_as_the_variable():
    with pytest.raises(ValueError, match="SYNCLOG_OPERATOR_RESYNC"):
        given(SYNCLOG_OPERATOR_RESYNC="soon")


@pytest.mark.parametrize(
    "wrong",
    [("--renew-deadline", "15s"), ("--lease-duration", "5s"), ("--retry-period", "10s")],
)
def test_the_leases_times_must_fit_each_other(wrong):
    with pytest.raises(ValueError, match="shorter"):
        given(*wrong)


def test_no_two_processes_have_one_identity():
    assert given().identity != given().identity


def test_every_setting_is_in_the_docs_with_its_default():
    text = DOCS.read_text()
    for setting in fields(Settings):
        row = f"| `{flag_of(setting.name)}` | `{variable_of(setting.name)}` |"
        (line,) = [line for line in text.splitlines() if line.startswith(row)]
        default = setting.metadata["default"]
        assert not default or f"`{default}`" in line or "operator's own version" in line, row
