"""A region is a part of the name of Amazon's hosts, so it must not lead to another one."""

import pytest

from synclog.api.destination import S3, Destination
from synclog.exporter.destination import destination_at, destination_of
from synclog.exporter.errors import ConfigurationError

ODD = (
    "evil.example/x",
    "evil.example#",
    "evil.example?",
    "evil.example\\",
    "a@evil.example",
    "a\n",
)


def opened(tmp_path, region=None):
    spec = Destination(s3=S3(bucket="archive", region=region))
    return destination_of(spec, auth=tmp_path, ca_file=None)


@pytest.mark.parametrize("region", ODD)
def test_a_region_that_leads_elsewhere_is_refused(tmp_path, region):
    with pytest.raises(ConfigurationError, match="is no region: write") as error:
        opened(tmp_path, region)
    assert error.value.reason == "WrongRegion"


@pytest.mark.parametrize("variable", ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_region"])
def test_so_is_one_of_the_environment(tmp_path, monkeypatch, variable):
    monkeypatch.setenv(variable, "evil.example/x")
    with pytest.raises(ConfigurationError, match=f"{variable} is no region") as error:
        opened(tmp_path)
    assert "evil" not in error.value.message  # it may come from a Secret
    with pytest.raises(ConfigurationError, match="is no region"):
        destination_at("s3://archive/prefix")


@pytest.mark.parametrize("region", ["eu-central-1", "us-gov-west-1", "default", "zone_1", None])
def test_regions_of_all_stores_are_taken(tmp_path, region):
    assert str(opened(tmp_path, region)) == "s3://archive/"
