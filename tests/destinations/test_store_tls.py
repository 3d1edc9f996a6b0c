"""A store of one's own, with a certificate of one's own authority."""

import pytest
import trustme
from msgspec.structs import replace

from support.stores import Proxy, serving
from synclog.api.destination import Destination as DestinationSpec
from synclog.api.fields import CaBundle
from synclog.exporter.destination import destination_of
from synclog.exporter.errors import DestinationError

KINDS = ("s3", "gcs", "azure_blob")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def over_tls(store, authority):
    """The spec of the store, over TLS."""
    kind = next(kind for kind in KINDS if getattr(store.spec, kind) is not None)
    plain = getattr(store.spec, kind)
    with serving(Proxy(f"http://{store.proxy.target}"), authority) as other:
        endpoint = plain.endpoint.replace(store.proxy.url, other.url)
        bundle = CaBundle(config_map_name="ours")
        fields = replace(plain, endpoint=endpoint, allow_http=False, ca_bundle=bundle)
        yield DestinationSpec(**{kind: fields})


def test_a_store_with_an_authority_of_its_own(store, over_tls, authority, tmp_path):
    bundle = tmp_path / "ca.crt"
    authority.cert_pem.write_to_path(bundle)
    destination = destination_of(over_tls, auth=store.auth, ca_file=bundle)
    assert destination.create("part", b"1") is True
    assert destination.read("part") == b"1"
    assert destination.guarantee("part").retention == "NotShown", "signed links trust it too"


def test_an_authority_that_nobody_named_is_not_trusted(store, over_tls):
    destination = destination_of(over_tls, auth=store.auth, ca_file=None)
    with pytest.raises(DestinationError) as caught:
        destination.create("part", b"1")
    assert caught.value.reason == "DestinationUnreachable"
    assert destination.guarantee("part").retention == "Unknown"
