"""Names that the operator, its Jobs and its users share."""

GROUP = "synclog.dev"
VERSION = "v1beta1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "SyncLogExport"
PLURAL = "synclogexports"
SINGULAR = "synclogexport"
SHORT_NAME = "sle"
CRD_NAME = f"{PLURAL}.{GROUP}"

MANAGED_BY = "synclog-operator"
LABEL_MANAGED_BY = "app.kubernetes.io/managed-by"
LABEL_EXPORT_UID = f"{GROUP}/export-uid"
"""On Jobs and pods: the uid of their SyncLogExport (its name may be too long for a label)."""

LABEL_PURPOSE = f"{GROUP}/purpose"
JOB_SELECTOR = f"{LABEL_MANAGED_BY}={MANAGED_BY},{LABEL_EXPORT_UID}"
"""The label selector of every Job and pod that belongs to some SyncLogExport."""

ANNOTATION_RUN = f"{GROUP}/run"
"""On Jobs: what the run is, as the JSON of `synclog.api.run.RunIdentity`."""
