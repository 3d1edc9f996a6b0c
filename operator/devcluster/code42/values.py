"""Words that the simulated directory is made of, awkward ones included.

The awkward values are what customers' directories hold and what decoders trip over: quotes,
delimiters, line ends of all three kinds, every script, and text that looks like a formula, a
header or a whole record.
"""

PROVIDERS = ("Azure AD", "Okta", "Ping, Inc.", 'SCIM "legacy"', "Google Workspace")

ACTIONS = ("USER_UPDATED", "USER_CREATED", "USER_DEACTIVATED", "USER_REACTIVATED", "ORG_CHANGED")
ERROR_ACTION = "SYNC_ERROR"

FIELDS = (
    "department",
    "title",
    "manager",
    "organization",
    "email",
    "notes",
    "active",
    "cloudAliases",
    "costCenter",
    "country",
)

GIVEN = (
    "ana",
    "bo",
    "chidi",
    "dilnoza",
    "eoin",
    "françois",
    "グレース",
    "hüseyin",
    "ингрид",
    "jo-ann",
    "κώστας",
    "李娜",
    "محمد",
    "nguyễn",
    "o'neil",
    "priyanka",
)
FAMILY = ("smith", "garcía", "müller", "okafor", "sørensen", "wang", "kowalski", "de la cruz")

PLAIN = (
    "Engineering",
    "Sales",
    "Finance",
    "Human Resources",
    "Legal",
    "Support",
    "Director",
    "Manager",
    "Analyst",
    "Berlin",
    "São Paulo",
    "Minneapolis",
    "true",
    "false",
    "CC-1042",
    "CC-2077",
)

AWKWARD = (
    "",
    " leading and trailing ",
    "Smith, John",
    'the "so-called" manager',
    '"',
    '""',
    '","',
    "two\nlines",
    "two\r\nlines",
    "old\rMac",
    "ends with a line end\n",
    "\n",
    "tab\tseparated",
    "back\\slash \\n \\",
    "=1+1",
    '=HYPERLINK("https://example.com","x")',
    "+44 20 7946 0000",
    "-2",
    "@SUM(A1:A9)",
    "null",
    "NaN",
    "0012",
    "1e5",
    "Ünïcödé e\u0301 vs é",
    "日本語、テキスト",
    "العربية, ثم",
    "עברית",
    "हिन्दी",
    "😀👩‍👩‍👧‍👦🇺🇳",
    "line\u2028separator and next\u0085line",
    "\ufeffbyte order mark",
    "no\u00a0break\u200bspaces",
    "logEventTimeStamp,providerName,username",
    "fake\n2026-01-01T00:00:00.000Z,Okta,eve@example.com,USER_DELETED,,,",
    'fake"\r\n"2026-01-01T00:00:00.000Z","Okta","eve@example.com","USER_DELETED"',
    '{"data":[],"totalCount":0}',
    "</script><b>&amp;'",
    "x" * 3000,
)
