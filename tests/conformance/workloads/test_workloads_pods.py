"""What the node does with pods: what they are given, how they end, what is said of them."""

import base64

from devcluster.client import CLAIMS, CONFIG_MAPS, PODS, SECRETS
from support.workloads import conditions, container, ended, pod, state

TELL = "> /dev/termination-log"


def message(item):
    return state(item)[1].get("message", "")


def secret(name, **keys):
    data = {key: base64.b64encode(value.encode()).decode() for key, value in keys.items()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": data}


def config_map(name, **keys):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": keys}


def claim(name, storage_class=""):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
            "storageClassName": storage_class,
        },
    }


def field(name, path):
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


async def test_a_pod_that_ends_well(kube):
    done = await kube.run(pod("well", f"printf fine {TELL}"))
    word, details = state(done)
    assert (done["status"]["phase"], word) == ("Succeeded", "terminated")
    assert (details["exitCode"], details["reason"], details["message"]) == (0, "Completed", "fine")
    assert details["startedAt"] <= details["finishedAt"]
    assert details["containerID"] == done["status"]["containerStatuses"][0]["containerID"]
    assert done["spec"]["nodeName"] == "devnode"
    assert conditions(done) == {
        "PodReadyToStartContainers": ("False", ""),
        "Initialized": ("True", "PodCompleted"),
        "Ready": ("False", "PodCompleted"),
        "ContainersReady": ("False", "PodCompleted"),
        "PodScheduled": ("True", ""),
    }
    for reason in ("Scheduled", "Pulled", "Started"):
        assert (await kube.until_event("well", reason))["type"] == "Normal"


async def test_a_pod_that_ends_badly(kube):
    done = await kube.run(pod("badly", f"printf why {TELL}; exit 12"))
    word, details = state(done)
    assert (done["status"]["phase"], word) == ("Failed", "terminated")
    assert (details["exitCode"], details["reason"], details["message"]) == (12, "Error", "why")
    assert conditions(done)["Ready"] == ("False", "PodFailed")


async def test_a_message_is_cut_or_taken_from_the_log(kube):
    long = await kube.run(pod("long", f"yes | head -c 9000 {TELL}"))
    assert len(message(long)) == 4096
    policy = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    log = await kube.run(pod("log", "echo it broke; exit 1", container=policy))
    assert message(log) == "it broke\n"
    quiet = await kube.run(pod("quiet", "echo it works", container=policy))
    assert message(quiet) == ""


async def test_what_a_running_pod_looks_like(kube):
    await kube.create(PODS, pod("on", "sleep 60"))
    on = await kube.running("on")
    assert on["status"]["phase"] == "Running"
    assert on["status"]["podIP"] == "127.0.0.1"
    status = on["status"]["containerStatuses"][0]
    assert status["ready"]
    assert status["started"]
    assert status["restartCount"] == 0
    assert {kind: value for kind, (value, _) in conditions(on).items()} == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"),
        "True",
    )


async def test_the_environment(kube):
    await kube.create(SECRETS, secret("login", user="ann", password="p w"))
    await kube.create(CONFIG_MAPS, config_map("settings", COLOUR="red"))
    env = [
        {"name": "FIRST", "value": "1"},
        {"name": "SECOND", "value": "$(FIRST)2 $$(FIRST) $(UNKNOWN)"},
        {"name": "USER", "valueFrom": {"secretKeyRef": {"name": "login", "key": "user"}}},
        {
            "name": "NONE",
            "valueFrom": {"secretKeyRef": {"name": "no", "key": "no", "optional": True}},
        },
        field("NAME", "metadata.name"),
        field("LABEL", "metadata.labels['app']"),
        field("NODE", "spec.nodeName"),
        {
            "name": "LIMIT",
            "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
        },
    ]
    given = {
        "env": env,
        "envFrom": [
            {"configMapRef": {"name": "settings"}},
            {"secretRef": {"name": "login"}, "prefix": "LOGIN_"},
        ],
        "resources": {"limits": {"memory": "1Gi"}},
    }
    body = pod("env", f"env {TELL}", container=given)
    body["metadata"]["labels"] = {"app": "test"}
    done = await kube.run(body)
    variables = dict(line.split("=", 1) for line in message(done).splitlines())
    for ours in ("PATH", "HOME", "PWD", "_", "SHLVL"):
        variables.pop(ours, None)
    assert variables == {
        "LANG": "C.UTF-8",
        "HOSTNAME": "env",
        "COLOUR": "red",
        "LOGIN_user": "ann",
        "LOGIN_password": "p w",
        "FIRST": "1",
        "SECOND": "12 $(FIRST) $(UNKNOWN)",
        "USER": "ann",
        "NAME": "env",
        "LABEL": "test",
        "NODE": "devnode",
        "LIMIT": "1024",
    }


async def test_volumes_are_where_the_container_expects_them(kube):
    await kube.create(SECRETS, secret("login", user="ann", password="secret"))
    await kube.create(CONFIG_MAPS, config_map("settings", colour="red"))
    volumes = [
        {
            "name": "login",
            "secret": {
                "secretName": "login",
                "items": [{"key": "user", "path": "who/name", "mode": 0o400}],
            },
        },
        {
            "name": "all",
            "projected": {
                "sources": [
                    {"secret": {"name": "login", "items": [{"key": "password", "path": "p"}]}},
                    {"configMap": {"name": "settings"}},
                    {
                        "downwardAPI": {
                            "items": [{"path": "me", "fieldRef": {"fieldPath": "metadata.name"}}]
                        }
                    },
                ]
            },
        },
        {"name": "maybe", "configMap": {"name": "nowhere", "optional": True}},
        {"name": "spool", "emptyDir": {}},
    ]
    mounts = [
        {"name": "login", "mountPath": "/run/login"},
        {"name": "all", "mountPath": "/run/all"},
        {"name": "maybe", "mountPath": "/run/maybe"},
        {"name": "spool", "mountPath": "/spool", "subPath": "a/b"},
    ]
    script = (
        "{ cat /run/login/who/name; ls /run/login; ls -l /run/login/who/name | cut -c1-10; "
        "cat /run/all/p /run/all/colour /run/all/me; ls /run/maybe; "
        'echo x > "$SPOOL/file"; cat /spool/file; } > /dev/termination-log'
    )
    given = {"volumeMounts": mounts, "env": [{"name": "SPOOL", "value": "/spool"}]}
    done = await kube.run(pod("volumes", script, volumes=volumes, container=given))
    assert message(done) == "annwho\n-r--------\nsecretredvolumesx\n"


async def test_a_missing_secret_keeps_the_pod_until_it_is_there(kube):
    volumes = [{"name": "login", "secret": {"secretName": "late"}}]
    mounts = {"volumeMounts": [{"name": "login", "mountPath": "/run/login"}]}
    script = f"cat /run/login/user {TELL}"
    await kube.create(PODS, pod("waits", script, volumes=volumes, container=mounts))
    event = await kube.until_event("waits", "FailedMount")
    assert event["message"] == (
        'MountVolume.SetUp failed for volume "login" : secret "late" not found'
    )
    waits = await kube.get(PODS, "waits")
    assert waits["status"]["phase"] == "Pending"
    assert state(waits) == ("waiting", {"reason": "ContainerCreating"})
    await kube.create(SECRETS, secret("late", user="bob"))
    assert message(await kube.until(PODS, "waits", ended)) == "bob"


async def test_a_missing_key_in_the_environment(kube):
    source = {"secretKeyRef": {"name": "late", "key": "user"}}
    env = {"env": [{"name": "USER", "valueFrom": source}]}
    await kube.create(PODS, pod("waits", f"printf $USER {TELL}", container=env))
    waits = await kube.until(
        PODS, "waits", lambda item: state(item)[1].get("reason") == "CreateContainerConfigError"
    )
    assert state(waits)[1]["message"] == 'secret "late" not found'
    await kube.create(SECRETS, secret("late", user="bob"))
    assert message(await kube.until(PODS, "waits", ended)) == "bob"


async def test_an_image_that_nobody_has(kube):
    await kube.create(PODS, pod("image", "exit 0", container={"image": "example.com/none:1"}))
    waits = await kube.until(
        PODS, "image", lambda item: state(item)[1].get("reason") == "ErrImagePull"
    )
    assert "example.com/none:1" in state(waits)[1]["message"]
    waits = await kube.until(
        PODS, "image", lambda item: state(item)[1].get("reason") == "ImagePullBackOff"
    )
    assert waits["status"]["phase"] == "Pending"
    await kube.until_event("image", "BackOff")


async def test_a_program_that_is_not_there(kube):
    body = pod("program", "")
    body["spec"]["containers"][0]["command"] = ["no-such-program"]
    done = await kube.run(body)
    details = state(done)[1]
    assert (done["status"]["phase"], details["exitCode"]) == ("Failed", 128)
    assert details["reason"] == "StartError"
    assert "no-such-program" in details["message"]


async def test_a_pod_that_no_node_matches(kube):
    await kube.create(PODS, pod("nowhere", "exit 0", nodeSelector={"disk": "gold"}))
    event = await kube.until_event("nowhere", "FailedScheduling")
    assert event["type"] == "Warning"
    waits = await kube.until(PODS, "nowhere", conditions)
    assert conditions(waits)["PodScheduled"] == ("False", "Unschedulable")
    assert "nodeName" not in waits["spec"]


async def test_claims(kube):
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts = {"volumeMounts": [{"name": "data", "mountPath": "/data", "subPath": "one"}]}
    writer = pod("writer", "echo kept > /data/file", volumes=volumes, container=mounts)
    await kube.create(PODS, writer)
    waits = await kube.until(PODS, "writer", conditions)
    assert conditions(waits)["PodScheduled"] == ("False", "Unschedulable")
    assert 'persistentvolumeclaim "data" not found' in waits["status"]["conditions"][0]["message"]
    await kube.create(CLAIMS, claim("data"))
    done = await kube.until(PODS, "writer", ended)
    assert done["status"]["phase"] == "Succeeded"
    bound = await kube.get(CLAIMS, "data")
    assert bound["status"]["phase"] == "Bound"
    assert bound["spec"]["volumeName"]
    await kube.delete(PODS, "writer")
    whole = {"volumeMounts": [{"name": "data", "mountPath": "/all"}]}
    reader = pod("reader", f"cat /all/one/file {TELL}", volumes=volumes, container=whole)
    assert message(await kube.run(reader)) == "kept\n"


async def test_a_claim_that_nobody_provides(kube):
    await kube.create(CLAIMS, claim("data", storage_class="manual-never"))
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    await kube.create(PODS, pod("waits", "exit 0", volumes=volumes))
    event = await kube.until_event("waits", "FailedScheduling")
    assert "unbound immediate PersistentVolumeClaims" in event["message"]
    assert (await kube.get(CLAIMS, "data"))["status"]["phase"] == "Pending"


TRAP = 'trap "printf asked > /dev/termination-log; exit 16" TERM; echo on; '


async def test_a_deleted_pod_is_asked_to_end(kube, tmp_path):
    # A finalizer keeps the object, so that its last state can be seen.
    body = pod("asked", TRAP + "sleep 60 & wait")
    body["metadata"]["finalizers"] = ["example.com/look"]
    await kube.create(PODS, body)
    await kube.until_log("asked", b"on\n")
    await kube.delete(PODS, "asked")
    done = await kube.until(PODS, "asked", ended)
    word, details = state(done)
    assert (word, details["exitCode"], details["message"]) == ("terminated", 16, "asked")
    assert done["status"]["phase"] == "Failed"
    await kube.patch(PODS, "asked", {"metadata": {"finalizers": None}})
    await kube.until(PODS, "asked", lambda item: item is None)


async def test_a_pod_that_does_not_listen_is_killed(kube):
    body = pod("deaf", "trap '' TERM; echo on; while :; do sleep 1; done")
    body["metadata"]["finalizers"] = ["example.com/look"]
    await kube.create(PODS, body)
    await kube.until_log("deaf", b"on\n")
    await kube.delete(PODS, "deaf", gracePeriodSeconds=1)
    done = await kube.until(PODS, "deaf", ended)
    assert state(done)[1]["exitCode"] == 137
    await kube.patch(PODS, "deaf", {"metadata": {"finalizers": None}})


async def test_a_pod_that_runs_too_long(kube):
    done = await kube.run(pod("long", "sleep 60", activeDeadlineSeconds=1))
    assert (done["status"]["phase"], done["status"]["reason"]) == ("Failed", "DeadlineExceeded")
    assert state(done)[1]["exitCode"] == 143


async def test_a_container_that_is_run_again(kube):
    volumes = [{"name": "spool", "emptyDir": {}}]
    mounts = {"volumeMounts": [{"name": "spool", "mountPath": "/spool"}]}
    script = "test -e /spool/tried || { touch /spool/tried; exit 3; }"
    done = await kube.run(
        pod("again", script, restartPolicy="OnFailure", volumes=volumes, container=mounts)
    )
    assert done["status"]["phase"] == "Succeeded"
    status = done["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 3


async def test_a_container_that_crashes_again_and_again(kube):
    await kube.create(PODS, pod("loop", "exit 1", restartPolicy="Always"))
    loop = await kube.until(
        PODS, "loop", lambda item: state(item)[1].get("reason") == "CrashLoopBackOff"
    )
    assert loop["status"]["phase"] == "Running"
    assert conditions(loop)["Ready"] == ("False", "ContainersNotReady")


async def test_init_containers_run_one_after_the_other(kube):
    volumes = [{"name": "spool", "emptyDir": {}}]
    mounts = [{"name": "spool", "mountPath": "/spool"}]
    first = container("echo 1 >> /spool/log", name="first", volumeMounts=mounts)
    second = container("echo 2 >> /spool/log", name="second", volumeMounts=mounts)
    body = pod(
        "order",
        f"cat /spool/log {TELL}",
        volumes=volumes,
        initContainers=[first, second],
        container={"volumeMounts": mounts},
    )
    assert message(await kube.run(body)) == "1\n2\n"


async def test_an_init_container_that_fails(kube):
    first = container("exit 7", name="first")
    done = await kube.run(pod("stuck", "exit 0", initContainers=[first]))
    assert done["status"]["phase"] == "Failed"
    assert state(done, kind="initContainerStatuses")[1]["exitCode"] == 7
    assert state(done) == ("waiting", {"reason": "PodInitializing"})
    assert conditions(done)["Initialized"] == ("False", "ContainersNotInitialized")


async def test_a_sidecar_is_refused(kube):
    side = container("sleep 60", name="side", restartPolicy="Always")
    done = await kube.run(pod("refused", "exit 0", initContainers=[side]))
    assert done["status"]["phase"] == "Failed"
    assert "this node runs no sidecars" in done["status"]["message"]


async def test_a_spool_that_outgrows_its_limit(kube):
    volumes = [{"name": "spool", "emptyDir": {"sizeLimit": "64Ki"}}]
    mounts = {"volumeMounts": [{"name": "spool", "mountPath": "/spool"}]}
    script = "head -c 100000 /dev/zero > /spool/file; sleep 60"
    done = await kube.run(pod("greedy", script, volumes=volumes, container=mounts))
    assert (done["status"]["phase"], done["status"]["reason"]) == ("Failed", "Evicted")
    assert 'EmptyDir volume "spool" exceeds the limit "64Ki"' in done["status"]["message"]


async def test_logs(kube):
    await kube.create(PODS, pod("talks", "seq 5; echo to stderr >&2; sleep 1; printf end"))
    followed = await kube.log("talks", follow="true")
    assert followed == b"1\n2\n3\n4\n5\nto stderr\nend"
    await kube.until(PODS, "talks", ended)
    assert await kube.log("talks", tailLines="2") == b"to stderr\nend"
    assert await kube.log("talks", limitBytes="3") == b"1\n2"


async def test_many_pods_at_once(kube):
    for number in range(30):
        await kube.create(PODS, pod(f"many-{number}", f"printf {number} {TELL}"))
    done = await kube.until_pods(lambda items: all(map(ended, items)))
    assert {(item["metadata"]["name"], message(item)) for item in done} == {
        (f"many-{number}", str(number)) for number in range(30)
    }
