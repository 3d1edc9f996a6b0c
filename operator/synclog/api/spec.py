"""What a user declares: the spec of a SyncLogExport, as typed models.

The CustomResourceDefinition is generated from these models (`synclog.api.crd`): types,
defaults, bounds and descriptions from the annotations, CEL rules from ``RULES``. A rule's
message says what to write instead. A pattern is written as a rule, because the message of a
schema pattern is a regular expression.
"""

from typing import Annotated, Any

from msgspec import Meta, field

from synclog.api.destination import Destination
from synclog.api.fields import Duration, Model, Name, Rule, rules
from synclog.api.output import Output
from synclog.api.range import Range
from synclog.api.source import Source


class History(Model, frozen=True, kw_only=True):
    """How many finished Jobs are kept to look at."""

    successful: Annotated[int, Meta(ge=0, le=100, description="Successful Jobs to keep.")] = 3
    failed: Annotated[int, Meta(ge=0, le=100, description="Failed Jobs to keep.")] = 3


PodField = Annotated[
    dict[str, Any], Meta(extra_json_schema={"x-kubernetes-preserve-unknown-fields": True})
]
StringMap = Annotated[dict[str, Annotated[str, Meta(max_length=4096)]], Meta(max_length=64)]


class PodTemplate(Model, frozen=True, kw_only=True):
    """What the exporter's pods get besides what the operator gives them."""

    labels: Annotated[
        StringMap | None,
        Meta(description="Labels of the pods."),
    ] = None
    annotations: Annotated[
        StringMap | None,
        Meta(description="Annotations of the pods."),
    ] = None
    resources: Annotated[
        PodField | None, Meta(description="Requests and limits, as in a container.")
    ] = None
    node_selector: Annotated[
        StringMap | None,
        Meta(description="Labels that a node must have."),
    ] = None
    tolerations: Annotated[
        Annotated[list[PodField], Meta(max_length=32)] | None,
        Meta(description="Tolerations, as in a pod."),
    ] = None
    affinity: Annotated[PodField | None, Meta(description="Affinity, as in a pod.")] = None
    priority_class_name: Annotated[Name | None, Meta(description="PriorityClass of the pods.")] = (
        None
    )
    image_pull_secrets: Annotated[
        Annotated[list[PodField], Meta(max_length=16)] | None,
        Meta(description="Secrets to pull the image with, as in a pod."),
    ] = None
    service_account_name: Annotated[
        Name | None,
        Meta(description="ServiceAccount of the pods. They get no API token in any case."),
    ] = None
    env: Annotated[
        Annotated[list[PodField], Meta(max_length=64)] | None,
        Meta(description="More environment variables, as in a container."),
    ] = None
    security_context: Annotated[
        PodField | None,
        Meta(description="Fields that replace those of the pod's default security context."),
    ] = None


class SyncLogExportSpec(Model, frozen=True, kw_only=True):
    """What to export, from where, to where, and when."""

    schedule: Annotated[
        Annotated[str, Meta(min_length=1, max_length=128)] | None,
        Meta(
            description="When to export: five cron fields, @hourly, @daily, @weekly or @monthly. "
            "H in a field is a stable value chosen by namespace and name. Absent: run once.",
            extra_json_schema=rules(
                Rule(
                    r"self.matches('^(@(hourly|daily|weekly|monthly)|\\s*(\\S+\\s+){4}\\S+\\s*)$')",
                    "write five fields such as '30 2 * * *', or @hourly, @daily, @weekly or "
                    "@monthly",
                )
            ),
        ),
    ] = None
    time_zone: Annotated[
        str,
        Meta(min_length=1, max_length=64, description="IANA zone that the schedule is read in."),
    ] = "UTC"
    suspend: Annotated[
        bool,
        Meta(description="True starts no new run; a running one ends, and nothing is lost."),
    ] = False
    source: Annotated[Source, Meta(description="Where the Sync Log is read.")]
    range: Annotated[Range, Meta(description="Which part of it is exported.")]
    destination: Annotated[Destination, Meta(description="Where the files go.")]
    output: Annotated[Output, Meta(description="The form of the files.")] = field(
        default_factory=Output
    )
    parallelism: Annotated[
        int, Meta(ge=1, le=50, description="Windows of one run that are exported side by side.")
    ] = 2
    starting_deadline: Annotated[
        Duration | None,
        Meta(
            description="A tick that cannot start within this time is skipped and counted; its "
            "window is exported with the next tick. Default: ticks wait."
        ),
    ] = None
    run_timeout: Annotated[
        Duration, Meta(description="Longest time that the pod of one window may run.")
    ] = "1h"
    pending_timeout: Annotated[
        Duration, Meta(description="Longest time that a pod may wait before the run is given up.")
    ] = "10m"
    backoff_limit: Annotated[
        int, Meta(ge=0, le=100, description="Retries of one window inside one run.")
    ] = 4
    history: Annotated[History, Meta(description="Finished Jobs to keep.")] = field(
        default_factory=History
    )
    trigger: Annotated[
        Annotated[str, Meta(max_length=128)] | None,
        Meta(
            description="Any text. A new value means: run now. status.lastTrigger acknowledges.",
        ),
    ] = None
    adopt_ledger: Annotated[
        bool,
        Meta(
            description="True takes over a ledger that another SyncLogExport began. Set it only "
            "where that one is gone for good."
        ),
    ] = False
    pod_template: Annotated[
        PodTemplate | None, Meta(description="What the exporter's pods get in addition.")
    ] = None
