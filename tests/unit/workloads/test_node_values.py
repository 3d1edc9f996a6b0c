"""Paths, quantities, fields, images, switches: the small rules of the node."""

from pathlib import Path

import pytest

from devcluster.podrunner.environment import build_environment, expand
from devcluster.podrunner.errors import ConfigError, ImageError, RunError
from devcluster.podrunner.faults import Faults
from devcluster.podrunner.fields import field_value, resource_value
from devcluster.podrunner.images import Images, command_line, parse_image
from devcluster.podrunner.paths import PathMap
from devcluster.podrunner.quantities import parse_quantity

PATHS = PathMap(
    {
        "/data": Path("/node/volumes/one"),
        "/data/deep/": Path("/node/volumes/two"),
        "/dev/termination-log": Path("/node/message"),
    }
)


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("/data", "/node/volumes/one"),
        ("/data/", "/node/volumes/one/"),
        ("/data/file.csv", "/node/volumes/one/file.csv"),
        ("/data/deep/x", "/node/volumes/two/x"),
        ("--to=/data/x", "--to=/node/volumes/one/x"),
        ('{"dir":"/data","n":1}', '{"dir":"/node/volumes/one","n":1}'),
        ("cp /data/a /data/deep/b", "cp /node/volumes/one/a /node/volumes/two/b"),
        ("/bin:/data/bin", "/bin:/node/volumes/one/bin"),
        ("echo x >/dev/termination-log;", "echo x >/node/message;"),
        ("/database", "/database"),
        ("/data-old/x", "/data-old/x"),
        ("/data.old", "/data.old"),
        ("/srv/data/x", "/srv/data/x"),
        ("https://host/data", "https://host/data"),
        ("data", "data"),
        ("", ""),
    ],
)
def test_paths_of_a_container_become_local_ones(text, local):
    assert PATHS.rewrite(text) == local


def test_without_mounts_nothing_is_replaced():
    assert PathMap({}).rewrite("/data") == "/data"


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("500m", 0.5), ("1Ki", 1024), ("1k", 1000), ("1.5Gi", 1610612736), ("2e3", 2000)],
)
def test_quantities(text, number):
    assert parse_quantity(text) == number


@pytest.mark.parametrize("text", ["", "Gi", "1 Gi", "1mi", "one"])
def test_what_is_no_quantity(text):
    with pytest.raises(ValueError, match="is not a quantity such as"):
        parse_quantity(text)


POD = {
    "metadata": {
        "name": "pod",
        "namespace": "ns",
        "uid": "uid",
        "labels": {"b": "2", "a": 'say "x"'},
    },
    "spec": {
        "nodeName": "devnode",
        "containers": [
            {"name": "main", "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}}}
        ],
    },
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "pod"),
        ("metadata.uid", "uid"),
        ("metadata.labels['b']", "2"),
        ("metadata.annotations['none']", ""),
        ("metadata.labels", 'a="say \\"x\\""\nb="2"'),
        ("spec.nodeName", "devnode"),
        ("spec.serviceAccountName", ""),
        ("status.podIP", "127.0.0.1"),
    ],
)
def test_fields_of_a_pod(path, value):
    assert field_value(POD, path) == value


def test_a_field_that_pods_do_not_offer():
    with pytest.raises(ConfigError, match=r"unsupported fieldPath: spec\.hostname"):
        field_value(POD, "spec.hostname")


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"resource": "limits.cpu"}, "2"),
        ({"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"resource": "limits.memory", "divisor": "1Mi"}, "1024"),
        ({"resource": "requests.memory", "divisor": "1Gi"}, "1"),
    ],
)
def test_resources_of_a_container(reference, value):
    assert resource_value(POD, reference, "main") == value


def test_resources_of_a_container_that_is_not_there():
    with pytest.raises(ConfigError, match="container other not found"):
        resource_value(POD, {"resource": "limits.cpu", "containerName": "other"}, "main")


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)/$(B)", "1/2"),
        ("$$(A) $$", "$(A) $"),
        ("$(C)", "$(C)"),
        ("$A ${A} $()", "$A ${A} $()"),
        ("$$$$(A)", "$$(A)"),
    ],
)
def test_references_to_variables(text, expanded):
    assert expand(text, {"A": "1", "B": "2"}) == expanded


class Shelf:
    """Secrets and ConfigMaps in memory."""

    def __init__(self, secrets=None, config_maps=None):
        self.secrets, self.config_maps = secrets or {}, config_maps or {}

    async def secret(self, name):
        return self.secrets.get(name)

    async def config_map(self, name):
        return self.config_maps.get(name)

    async def token(self, account, audience, seconds):
        return f"{account}/{audience}/{seconds}"


async def test_variables_of_a_container_in_order():
    shelf = Shelf({"s": {"k": b"secret"}}, {"c": {"A": b"from map", "B": b"b"}})
    container = {
        "name": "main",
        "envFrom": [
            {"configMapRef": {"name": "c"}},
            {"secretRef": {"name": "none", "optional": True}},
        ],
        "env": [
            {"name": "A", "value": "mine"},
            {"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "BOTH", "value": "$(A) $(B)"},
            {
                "name": "NONE",
                "valueFrom": {"configMapKeyRef": {"name": "c", "key": "x", "optional": True}},
            },
        ],
    }
    assert await build_environment(POD, container, shelf) == {
        "A": "mine",
        "B": "b",
        "K": "secret",
        "BOTH": "mine b",
    }


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"secretKeyRef": {"name": "x", "key": "k"}}, 'secret "x" not found'),
        ({"secretKeyRef": {"name": "s", "key": "x"}}, "couldn't find key x in Secret ns/s"),
        ({"configMapKeyRef": {"name": "x", "key": "k"}}, 'configmap "x" not found'),
        ({"fileKeyRef": {}}, "variable V has an unknown source: fileKeyRef"),
    ],
)
async def test_a_variable_that_cannot_be_made(source, message):
    container = {"name": "main", "env": [{"name": "V", "valueFrom": source}]}
    with pytest.raises(ConfigError) as caught:
        await build_environment(POD, container, Shelf({"s": {"k": b"v"}}))
    assert str(caught.value) == message


IMAGES = Images({"ours:*": ["tool", "--quiet"], "plain*": []})


def test_known_images():
    assert IMAGES.entrypoint("ours:1.2") == ["tool", "--quiet"]
    assert IMAGES.entrypoint("plain") == []


@pytest.mark.parametrize(
    ("image", "policy", "reason"),
    [
        ("registry.example.com/other:1", "", "ErrImagePull"),
        ("registry.example.com/other:1", "Never", "ErrImageNeverPull"),
        ("Not/A/Name", "", "InvalidImageName"),
        ("two words", "", "InvalidImageName"),
        ("registry.example.com:5000/a/b@sha256:" + "0" * 64, "", "ErrImagePull"),
    ],
)
def test_images_that_are_not_there(image, policy, reason):
    with pytest.raises(ImageError) as caught:
        IMAGES.entrypoint(image, policy)
    assert caught.value.reason == reason
    assert image in str(caught.value)


def test_images_on_the_command_line():
    assert parse_image("a:1=run 'two words'") == ("a:1", ["run", "two words"])
    assert parse_image("a:1=") == ("a:1", [])
    with pytest.raises(ValueError, match="write NAME=ENTRYPOINT"):
        parse_image("a:1")


@pytest.mark.parametrize(
    ("container", "expected"),
    [
        ({}, ["env", "-i"]),
        ({"args": ["x"]}, ["env", "-i", "x"]),
        (
            {"command": ["sh", "-c"], "args": ["ls $(WHERE) /data"]},
            ["sh", "-c", "ls here /node/volumes/one"],
        ),
    ],
)
def test_the_command_takes_the_place_of_the_entrypoint(container, expected):
    variables = {"PATH": "/usr/bin:/bin", "WHERE": "here"}
    program, *arguments = command_line(container, ["env", "-i"], variables, PATHS)
    assert [Path(program).name, *arguments] == expected
    assert Path(program).is_absolute()


@pytest.mark.parametrize(
    ("container", "message"),
    [({}, "no command specified"), ({"command": ["no-such-program"]}, "executable file not found")],
)
def test_no_program(container, message):
    with pytest.raises(RunError, match=message):
        command_line(container, [], {"PATH": "/bin"}, PATHS)


def test_switches():
    faults = Faults()
    off = faults.show()
    faults.set({"dead": True, "pullDelaySeconds": 2})
    assert faults.show() == off | {"dead": True, "pullDelaySeconds": 2.0}
    faults.set({"unschedulable": True})
    assert faults.dead
    faults.clear()
    assert faults.show() == off


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"ded": True}, "unknown switch ded; there are dead, pullDelaySeconds, unschedulable"),
        ({"dead": "yes"}, "dead must be true or false"),
        ({"pullDelaySeconds": -1}, "must be a number of seconds"),
        ({"pullDelaySeconds": "1"}, "must be a number of seconds"),
    ],
)
def test_switches_that_do_not_exist(wanted, message):
    faults = Faults()
    with pytest.raises(ValueError, match=message):
        faults.set(wanted)
    assert not faults.dead
