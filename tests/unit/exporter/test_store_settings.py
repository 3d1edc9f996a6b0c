"""Settings that a store's library refuses are told without what they say: that may be secret."""

import pytest

from synclog.exporter.destination import destination_at
from synclog.exporter.errors import ConfigurationError


@pytest.mark.parametrize(
    ("variable", "place"),
    [
        ("AWS_SKIP_SIGNATURE", "s3://archive/prefix"),
        ("AWS_S3_EXPRESS", "s3://archive/prefix"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "azure://acme/archive/prefix"),
        ("GOOGLE_SKIP_SIGNATURE", "gs://archive/prefix"),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", "gs://archive/prefix"),
    ],
)
def test_a_variable_that_makes_no_sense_is_named_and_not_quoted(monkeypatch, variable, place):
    monkeypatch.setenv(variable, "s3cr3t")
    with pytest.raises(ConfigurationError) as error:
        destination_at(place)
    assert error.value.reason == "DestinationMisconfigured"
    assert variable in error.value.message
    assert "s3cr3t" not in error.value.message
    assert error.value.__suppress_context__
