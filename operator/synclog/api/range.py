"""Which part of the Sync Log is exported."""

from typing import Annotated

from msgspec import Meta, field

from synclog.api.fields import TIME_PATTERN, Duration, Model, Rule, SpecTime, rules

SettleDelay = Annotated[
    Duration,
    Meta(description="How old an instant must be before it is exported, so that late rows are in."),
]
MaxWindow = Annotated[
    Duration,
    Meta(
        description="Longest window: the unit of export, of retry and of parallel work.",
        extra_json_schema=rules(
            Rule(
                "!self.matches('^(0+[mhd]|0*[1-5]?[0-9]s)$')",
                "maxWindow must be at least 1m, write 24h",
            )
        ),
    ),
]
RecheckAfter = Annotated[
    list[Duration],
    Meta(
        max_length=4,
        description="How long after its end a window is read again, to find events that the "
        "source showed late. Empty: never.",
    ),
]


class Rolling(Model, frozen=True, kw_only=True):
    """Everything from a start on, for ever."""

    RULES = (
        Rule(
            "has(self.from) == has(oldSelf.from) && (!has(self.from) || self.from == oldSelf.from)",
            "from cannot change: the ledger pins the start of coverage; create another "
            "SyncLogExport with a destination of its own",
        ),
    )

    from_: Annotated[
        SpecTime | None,
        Meta(description="First instant to export. Default: the oldest that the source has."),
    ] = field(default=None, name="from")
    settle_delay: SettleDelay = "15m"
    max_window: MaxWindow = "24h"
    recheck_after: RecheckAfter = field(default_factory=lambda: ["24h", "7d"])


class Between(Model, frozen=True, kw_only=True):
    """A fixed range, exported once."""

    RULES = (
        Rule(
            # A text that is no time has its own refusal; one is enough.
            f"![self.start, self.end].all(t, t.matches('{TIME_PATTERN}')) "
            "|| timestamp(self.start) < timestamp(self.end)",
            "start must be before end: swap them or move the end",
        ),
        Rule(
            "self.start == oldSelf.start",
            "start cannot change: the ledger pins the start of coverage; create another "
            "SyncLogExport with a destination of its own",
        ),
    )

    start: Annotated[SpecTime, Meta(description="First instant of the range.")]
    end: Annotated[SpecTime, Meta(description="End of the range; not in the range itself.")]
    settle_delay: SettleDelay = "15m"
    max_window: MaxWindow = "24h"
    recheck_after: RecheckAfter = field(default_factory=lambda: ["24h", "7d"])


class Last(Model, frozen=True, kw_only=True):
    """The last so many days at every run, like a date range in the console."""

    duration: Annotated[
        Duration,
        Meta(
            description="How far every run looks back: what is missing of it is exported, what "
            "is exported is read again. Shorter than source.retention.",
            extra_json_schema=rules(
                Rule("!self.matches('^0+[smhd]$')", "write how far to look back, such as 7d")
            ),
        ),
    ]
    settle_delay: SettleDelay = "15m"
    max_window: MaxWindow = "24h"


class Range(Model, frozen=True, kw_only=True):
    """Which part of the Sync Log is exported: exactly one kind."""

    RULES = (
        Rule(
            "[has(self.rolling), has(self.between), has(self.last)].filter(x, x).size() == 1",
            "set exactly one of rolling, between and last",
        ),
        Rule(
            "has(self.rolling) == has(oldSelf.rolling) "
            "&& has(self.between) == has(oldSelf.between)",
            "the kind of range cannot change; create another SyncLogExport with a destination "
            "of its own",
        ),
    )

    rolling: Annotated[Rolling | None, Meta(description="Everything from a start on.")] = None
    between: Annotated[Between | None, Meta(description="A fixed range.")] = None
    last: Annotated[Last | None, Meta(description="A plain look-back at every run.")] = None

    @property
    def kind(self) -> Rolling | Between | Last | None:
        """The one that is set; None where that is none or more than one."""
        given = [kind for kind in (self.rolling, self.between, self.last) if kind is not None]
        return given[0] if len(given) == 1 else None
