"""What the models of the API are made of: rules, and the forms of texts that recur."""

from typing import Annotated, Any, ClassVar, NamedTuple

from msgspec import Meta, Struct


class Rule(NamedTuple):
    """A CEL validation rule, and the sentence that a user reads when it is broken."""

    rule: str
    message: str


def rules(*given: Rule) -> dict[str, Any]:
    """Rules as the part of a schema that they are."""
    return {
        "x-kubernetes-validations": [{"rule": r.rule, "message": r.message} for r in given],
    }


class Model(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A part of the API: immutable, camelCase on the wire, tolerant of unknown fields."""

    RULES: ClassVar[tuple[Rule, ...]] = ()


Duration = Annotated[
    str,
    Meta(
        max_length=10,
        extra_json_schema=rules(
            Rule(
                "self.matches('^[0-9]{1,6}(s|m|h|d)$')",
                "write a whole number and one unit, such as 30s, 15m, 24h or 90d",
            )
        ),
    ),
]
TIME_PATTERN = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    "([.][0-9]{1,9})?(Z|[+-][01][0-9]:[0-5][0-9])$"
)
Time = Annotated[
    str,
    Meta(max_length=40, pattern=TIME_PATTERN, extra_json_schema={"format": "date-time"}),
]
SpecTime = Annotated[
    str,
    Meta(
        max_length=40,
        extra_json_schema=rules(
            Rule(
                f"self.matches('{TIME_PATTERN}')",
                "write a time with its zone, such as 2026-01-31T00:00:00Z",
            )
        ),
    ),
]
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=253,
        extra_json_schema=rules(
            Rule(
                "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
                "write the object's name: lower-case letters, digits, '-' and '.'",
            )
        ),
    ),
]
SecretKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=253,
        extra_json_schema=rules(
            Rule(
                "self.matches('^[-._a-zA-Z0-9]+$') && self != '.' && !self.startsWith('..')",
                "write a key of the Secret's data: letters, digits, '-', '_' and '.', not '..' at "
                "the begin",
            )
        ),
    ),
]
URL_PATTERN = r"^https?://[^/?#@\s\\]+(/[^?#@\s\\]*)?$"
HttpsUrl = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=512,
        extra_json_schema=rules(
            Rule(
                "self.matches('" + URL_PATTERN.replace("\\", "\\\\") + "')",
                "write a URL such as https://console.us.code42.com, without user, query or #",
            )
        ),
    ),
]


class CaBundle(Model, frozen=True, kw_only=True):
    """Certificate authorities to trust besides the public ones."""

    config_map_name: Annotated[
        Name, Meta(description="ConfigMap in the same namespace that holds the bundle.")
    ]
    key: Annotated[SecretKey, Meta(description="Key of the ConfigMap; its value is PEM.")] = (
        "ca.crt"
    )
