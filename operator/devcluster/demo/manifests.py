"""What the demo applies: the tenant's Secret, a claim for the archive, and one export."""

from typing import Any

from synclog.api import names

NAMESPACE = "demo"
EXPORT = "provisioning"
CLAIM = "synclog-archive"
SECRET = "code42-api-client"


def secret(client_id: str, client_secret: str) -> dict[str, Any]:
    """The credentials of the simulated tenant."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": SECRET, "namespace": NAMESPACE},
        "stringData": {"clientId": client_id, "clientSecret": client_secret},
    }


def claim() -> dict[str, Any]:
    """The volume that takes the files."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM, "namespace": NAMESPACE},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def export(source_url: str, *, parallelism: int) -> dict[str, Any]:
    """The sample: everything of the last 90 days, then every minute (real ones: every night)."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": EXPORT, "namespace": NAMESPACE},
        "spec": {
            "schedule": "* * * * *",
            "source": {
                "url": source_url,
                "auth": {"apiClient": {"secretName": SECRET}},
            },
            "range": {"rolling": {"settleDelay": "5s", "maxWindow": "24h"}},
            "destination": {
                "persistentVolumeClaim": {"claimName": CLAIM, "subPath": EXPORT},
            },
            "parallelism": parallelism,
        },
    }
