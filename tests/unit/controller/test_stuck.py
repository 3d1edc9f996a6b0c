"""Why runs do not start, one case a place where Kubernetes says it."""

import pytest

from synclog.controller.stuck import GRACE, Warned, look_again_at, needs_events, not_started, stuck
from synclog.windows import SECOND, parse_time

CREATED = parse_time("2026-03-01T00:00:00Z")
LATER = CREATED + 40 * SECOND


def unscheduled(message):
    return {
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": message,
            }
        ]
    }


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("0/3 nodes are available: 3 Insufficient memory.", "Unschedulable"),
        ('persistentvolumeclaim "archive" not found', "MissingVolume"),
        ("pod has unbound immediate PersistentVolumeClaims. not found", "UnboundVolume"),
    ],
)
def test_what_the_scheduler_says(make, message, reason):
    found = stuck(make.job(), [make.pod(**unscheduled(message))], [], LATER)
    assert (found.reason, found.message, found.since) == (reason, message, CREATED)


@pytest.mark.parametrize(
    ("waiting", "message", "reason"),
    [
        ("ErrImagePull", "not found", "ImagePull"),
        ("ImagePullBackOff", "Back-off pulling", "ImagePull"),
        ("InvalidImageName", "could not parse", "ImagePull"),
        ("CreateContainerConfigError", 'secret "s" not found', "MissingSecret"),
        ("CreateContainerConfigError", "couldn't find key k in Secret ns/s", "MissingSecretKey"),
        ("CreateContainerError", "boom", "ContainerStart"),
    ],
)
def test_what_the_container_waits_for(make, waiting, message, reason):
    found = stuck(make.job(), [make.pod(**make.waiting(waiting, message))], [], LATER)
    assert found.reason == reason
    assert message in found.message


@pytest.mark.parametrize(
    ("event", "message", "reason"),
    [
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "auth" : secret "s" not found',
            "MissingSecret",
        ),
        ("FailedMount", "references non-existent secret key: clientId", "MissingSecretKey"),
        ("FailedMount", 'configmap "ca" not found', "MissingConfigMap"),
        ("FailedAttachVolume", "Multi-Attach error for volume", "FailedAttachVolume"),
    ],
)
def test_what_only_the_pods_events_say(make, event, message, reason):
    pod = make.pod(**make.waiting("ContainerCreating"))
    news = [Warned("uid-pod", event, message, CREATED + 5 * SECOND)]
    assert needs_events(make.job(), [pod], LATER)
    assert stuck(make.job(), [pod], news, LATER).reason == reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ('pods "x" is forbidden: exceeded quota: q, requested: pods=1', "Quota"),
        ('pods "x" is forbidden: status unknown for quota: q, resources: pods', "Quota"),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest"', "Admission"),
        ('admission webhook "policy" denied the request', "Admission"),
        (
            'error looking up service account ns/x: serviceaccount "x" not found',
            "MissingServiceAccount",
        ),
        ("something new", "PodRefused"),
    ],
)
def test_what_only_the_jobs_events_say(make, message, reason):
    news = [Warned("uid-job", "FailedCreate", message, CREATED + 5 * SECOND)]
    found = stuck(make.job(), [], news, LATER)
    assert (found.reason, found.message) == (reason, message)


def test_old_events_of_an_earlier_wait_and_of_others_do_not_count(make):
    news = [
        Warned("uid-job", "FailedCreate", "exceeded quota", CREATED - SECOND),
        Warned("uid-other", "FailedCreate", "exceeded quota", CREATED + SECOND),
    ]
    assert stuck(make.job(), [], news, LATER).reason == "NoPod"


def test_the_newest_event_speaks(make):
    news = [
        Warned("uid-job", "FailedCreate", "exceeded quota", CREATED + SECOND),
        Warned("uid-job", "FailedCreate", "denied the request", CREATED + 9 * SECOND),
    ]
    assert stuck(make.job(), [], news, LATER).reason == "Admission"


def test_a_job_that_somebody_suspended_is_stuck_and_needs_no_events(make):
    job = make.job(spec={"suspend": True})
    assert stuck(job, [], [], LATER).reason == "JobSuspended"
    assert not needs_events(job, [], LATER)


def test_a_pod_that_waits_and_nobody_says_why(make):
    assert stuck(make.job(), [make.pod()], [], LATER).reason == "PodPending"


def test_a_moment_is_allowed_to_start(make):
    pod = make.pod(**make.waiting("ErrImagePull"))
    assert stuck(make.job(), [pod], [], CREATED + GRACE - 1) is None
    assert stuck(make.job(), [pod], [], CREATED + GRACE) is not None
    assert not needs_events(make.job(), [], CREATED + GRACE - 1)


def test_one_pod_at_work_means_progress_even_if_another_waits(make):
    pods = [make.pod("a", phase="Running"), make.pod("b", **unscheduled("full"))]
    assert not not_started(make.job(), pods)
    assert stuck(make.job(), pods, [], LATER) is None


def test_the_pause_between_two_tries_is_no_trouble(make):
    pods = [make.pod(**make.ended(12, at=5))]
    assert stuck(make.job(), pods, [], LATER) is None


def test_the_wait_counts_from_the_last_pod_that_ended(make):
    pods = [make.pod("a", **make.ended(at=30)), make.pod("b", **unscheduled("full"))]
    assert stuck(make.job(), pods, [], CREATED + 45 * SECOND) is None
    found = stuck(make.job(), pods, [], CREATED + 51 * SECOND)
    assert found.since == CREATED + 30 * SECOND


@pytest.mark.parametrize("condition", ["Complete", "Failed", "FailureTarget"])
def test_a_job_that_is_over_is_not_stuck(make, condition):
    job = make.job(conditions=({"type": condition, "status": "True"},))
    assert stuck(job, [make.pod()], [], LATER) is None


@pytest.mark.parametrize(
    ("waited", "pause"), [(0, 20), (5, 20), (20, 20), (40, 40), (100, 100), (7200, 120)]
)
def test_looks_come_soon_at_first_and_less_often_later(make, waited, pause):
    now = CREATED + waited * SECOND
    assert look_again_at(make.job(), [], now) == now + pause * SECOND
