"""The fields that object stores of every kind have."""

from typing import Annotated

from msgspec import Meta

from synclog.api.fields import CaBundle, Rule, rules

Prefix = Annotated[
    str,
    Meta(
        max_length=256,
        description="Folder of this export inside it, such as synclog/prod. One folder, one "
        "SyncLogExport.",
        extra_json_schema=rules(
            Rule(
                "self.matches('^([A-Za-z0-9_=][-A-Za-z0-9_=.]*(/[A-Za-z0-9_=][-A-Za-z0-9_=.]*)*)?$')",
                "write folders such as synclog/prod: letters, digits, '-', '_', '=' and '.', "
                "without a slash at either end",
            )
        ),
    ),
]
StoreEndpoint = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=256,
        extra_json_schema=rules(
            Rule(
                r"self.matches('^https?://[^/?#@\\s]+(/[^?#@\\s]*[^/?#@\\s])?$')",
                "write a URL such as https://minio.example.com:9000, without user, query or "
                "final slash",
            )
        ),
    ),
]
AllowHttp = Annotated[
    bool,
    Meta(description="True takes an endpoint that is not encrypted: events travel readable."),
]
PLAIN_HTTP = Rule(
    "!has(self.endpoint) || !self.endpoint.startsWith('http://') || self.allowHttp",
    "the endpoint is not encrypted: write https://, or allowHttp: true where the whole way to it "
    "is trusted",
)
PRIVATE_AUTHORITIES = Rule(
    "!has(self.caBundle) || has(self.endpoint)",
    "caBundle belongs to an endpoint of your own: set endpoint or remove it",
)
StoreCaBundle = Annotated[
    CaBundle | None,
    Meta(description="Certificate authorities to trust besides the public ones."),
]
StorageClass = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        extra_json_schema=rules(
            Rule(
                "self.matches('^[A-Z][A-Z0-9_]*$')",
                "write the class as the store names it, such as STANDARD_IA or NEARLINE",
            )
        ),
    ),
]
Tags = Annotated[
    dict[
        str,
        Annotated[
            str,
            Meta(
                max_length=256,
                extra_json_schema=rules(
                    Rule(
                        r"self.matches('^[-A-Za-z0-9 +=._:/]*$')",
                        "a tag's value has letters, digits, blanks and + - = . _ : /",
                    )
                ),
            ),
        ],
    ],
    Meta(
        max_length=10,
        description="Tags of every object, for costs and policies. What exists keeps its tags.",
        extra_json_schema=rules(
            Rule(
                "self.all(name, size(name) > 0 && size(name) <= 128)",
                "a tag's name has 1 to 128 characters",
            )
        ),
    ),
]
