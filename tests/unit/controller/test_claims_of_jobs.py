"""What a look learns of the claim of its export, and what the Job's pods become by it."""

import dataclasses

import pytest

from support.looks import CREATE, NAME, START, Rig
from synclog.controller.gateway import CLAIMS, EXPORTS, JOBS
from synclog.windows import DAY, Window


@pytest.mark.parametrize(
    ("modes", "pods", "bound_together"),
    [
        (["ReadWriteMany"], 4, False),
        (["ReadWriteOnce"], 4, True),
        (["ReadWriteOncePod"], 1, False),
        (["ReadWriteOnce", "ReadWriteMany"], 4, False),
    ],
)
async def test_the_claims_modes_shape_the_job(gateway, make, modes, pods, bound_together):
    gateway.seed(
        CLAIMS,
        {"metadata": {"namespace": "team", "name": "archive"}, "spec": {"accessModes": modes}},
    )
    many = dataclasses.replace(CREATE, span=Window(START, START + 9 * DAY))
    one = Rig(gateway, gateway.seed(EXPORTS, make.export_body(parallelism=4)), many)
    await one.look()
    (name,) = gateway.named(JOBS)
    spec = (await gateway.get(JOBS, "team", name))["spec"]
    assert spec["parallelism"] == pods
    assert ("affinity" in spec["template"]["spec"]) is bound_together


async def test_a_claim_is_read_once(rig, gateway, make):
    gateway.seed(
        CLAIMS,
        {
            "metadata": {"namespace": "team", "name": "archive"},
            "spec": {"accessModes": ["ReadWriteMany"]},
        },
    )
    one = rig(CREATE)
    await one.look()
    one.cache.pods.put(make.pod(job=NAME, phase="Running"))
    one.actions = (dataclasses.replace(CREATE, attempt=2),)
    await one.look()
    assert [call for call in gateway.calls if call[1] == CLAIMS.plural] == [
        ("get", "persistentvolumeclaims", "archive")
    ]


async def test_a_claim_is_read_again_after_a_run_got_stuck(rig, gateway):
    """It may have been deleted and made again with other modes."""
    gateway.seed(
        CLAIMS,
        {
            "metadata": {"namespace": "team", "name": "archive"},
            "spec": {"accessModes": ["ReadWriteMany"]},
        },
    )
    one = rig(CREATE)
    await one.look()
    one.actions = (dataclasses.replace(CREATE, attempt=2),)
    await one.look()
    assert len([call for call in gateway.calls if call[1] == CLAIMS.plural]) == 2
