"""What the benchmark puts into the cluster: exports whose next window is known, and CronJobs."""

from datetime import datetime, timedelta

from devcluster.client import Object, Resource
from synclog.api import names

CRON_JOBS = Resource("batch/v1", "cronjobs", "CronJob")
CLAIM = "archive"


def text(at: datetime) -> str:
    """An instant as the API writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def schedule_of(tick: datetime) -> str:
    """A schedule that is due once a day."""
    return f"{tick.minute} {tick.hour} * * *"


def claim(namespace: str) -> Object:
    """The volume that the exports name. Nothing binds it: no pod runs."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def export(namespace: str, number: int, tick: datetime) -> Object:
    """An export with one window due at the tick."""
    name = f"bench-{number:05d}"
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "schedule": schedule_of(tick),
            "source": {
                "url": "https://console.us.code42.com",
                "auth": {"apiClient": {"secretName": "code42"}},
            },
            "range": {"rolling": {"from": text(tick - timedelta(hours=2))}},
            "destination": {"persistentVolumeClaim": {"claimName": CLAIM, "subPath": name}},
        },
    }


def status(number: int, tick: datetime) -> Object:
    """A status as if an inspect run had found a ledger that is complete up to the last hour."""
    start, due = text(tick - timedelta(hours=2)), text(tick - timedelta(hours=1))
    return {
        "ledger": {"id": f"bench-{number:05d}", "head": 1, "digest": f"{number:064x}"},
        "coverage": {
            "from": start,
            "dueUntil": due,
            "intervals": [{"start": start, "end": due}],
        },
    }


def cron_job(namespace: str, number: int, tick: datetime) -> Object:
    """A CronJob whose Job has one small pod: less to do than for an exporter's Job."""
    container = {"name": "curl", "image": "curl", "args": ["https://console.us.code42.com"]}
    return {
        "apiVersion": CRON_JOBS.api_version,
        "kind": CRON_JOBS.kind,
        "metadata": {"name": f"bench-{number:05d}", "namespace": namespace},
        "spec": {
            "schedule": schedule_of(tick),
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {
                "spec": {
                    "template": {"spec": {"restartPolicy": "Never", "containers": [container]}}
                }
            },
        },
    }
