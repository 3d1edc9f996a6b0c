"""As much of CEL as the rules of the CRD use, so that they can be asked without an API server.

The rules are text, written once; the API server reads them, and `synclog.api.admission` does.
A rule that uses more than this fails a test, not a user.
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from synclog.windows import parse_time

Variables: TypeAlias = Mapping[str, Any]
Expression: TypeAlias = Callable[[Variables], Any]

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<string>'(?:[^'\\]|\\.)*')
    | (?P<number>\d+)
    | (?P<name>[A-Za-z_]\w*)
    | (?P<sign>&&|\|\||==|!=|<=|>=|[-!<>.,()\[\]])
    )""",
    re.VERBOSE | re.ASCII,
)


@functools.cache
def _regex(pattern: str) -> re.Pattern[str]:
    """A pattern of RE2: `$` is the end of the text there, never before a last line break."""
    return re.compile(re.sub(r"(?<!\\)\$", r"\\Z", pattern), re.ASCII)


_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_RELATIONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": lambda left, right: _kinds(left, right) and left == right,
    "!=": lambda left, right: not (_kinds(left, right) and left == right),
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "in": lambda left, right: left in right,
}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"size": len, "timestamp": parse_time}
_METHODS: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "matches": lambda text, pattern: _regex(pattern).search(text) is not None,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": lambda text, part: part in text,
}


class CelError(ValueError):
    """Raised for an expression with parts that are not known here."""


@functools.cache
def compile_rule(text: str) -> Expression:
    """The function that an expression is, of its variables.

    Raises:
        CelError: it uses more of CEL than is known here.
    """
    parser = _Parser(text)
    expression = parser.either()
    if parser.at is not None:
        raise CelError(f"{text!r}: {parser.at} is not expected")
    return expression


def _kinds(left: Any, right: Any) -> bool:
    return isinstance(left, bool) is isinstance(right, bool)


class _Parser:
    """Goes over the tokens once; each method reads one kind of expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self.at: str | None = None
        """The token to be read; None at the end."""
        self._kind = ""
        self._next()

    def _next(self) -> str:
        taken = self.at or ""
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            if self._text[self._position :].strip():
                raise CelError(f"{self._text!r}: {self._text[self._position :]} is not known")
            self.at, self._kind = None, ""
        else:
            assert match.lastgroup is not None
            self._position, self._kind = match.end(), match.lastgroup
            self.at = match[match.lastgroup]
        return taken

    def _take(self, token: str) -> None:
        if self.at != token:
            raise CelError(f"{self._text!r}: {token} is expected, not {self.at}")
        self._next()

    def _name(self) -> str:
        if self._kind != "name":
            raise CelError(f"{self._text!r}: a name is expected, not {self.at}")
        return self._next()

    def either(self) -> Expression:
        """One expression, or several with ``||`` between."""
        found = [self._both()]
        while self.at == "||":
            self._next()
            found.append(self._both())
        return found[0] if len(found) == 1 else lambda given: any(each(given) for each in found)

    def _both(self) -> Expression:
        found = [self._relation()]
        while self.at == "&&":
            self._next()
            found.append(self._relation())
        return found[0] if len(found) == 1 else lambda given: all(each(given) for each in found)

    def _relation(self) -> Expression:
        left = self._unary()
        if self.at not in _RELATIONS or self._kind == "string":
            return left
        holds, right = _RELATIONS[self._next()], self._unary()
        return lambda given: holds(left(given), right(given))

    def _unary(self) -> Expression:
        if self.at != "!":
            return self._selected()
        self._next()
        denied = self._unary()
        return lambda given: not denied(given)

    def _selected(self) -> Expression:
        found = self._primary()
        while self.at == ".":
            self._next()
            name = self._name()
            found = self._method(found, name) if self.at == "(" else _field(found, name)
        return found

    def _primary(self) -> Expression:
        kind, taken = self._kind, self._next()
        if kind == "string":
            value = re.sub(r"\\(.)", r"\1", taken[1:-1])
            return lambda _: value
        if kind == "number":
            number = int(taken)
            return lambda _: number
        if taken == "(":
            inner = self.either()
            self._take(")")
            return inner
        if taken == "[":
            items = self._list("]")
            return lambda given: [item(given) for item in items]
        if kind != "name":
            raise CelError(f"{self._text!r}: {taken or 'its end'} is not expected")
        if taken in _WORDS:
            return lambda _: _WORDS[taken]
        if self.at == "(":
            return self._function(taken)
        return lambda given: given[taken]

    def _list(self, end: str) -> list[Expression]:
        items: list[Expression] = []
        while self.at != end:
            items.append(self.either())
            if self.at != end:
                self._take(",")
        self._take(end)
        return items

    def _function(self, name: str) -> Expression:
        self._take("(")
        if name == "has":
            owner = self._primary()
            self._take(".")
            path = [self._name()]
            while self.at == ".":
                self._next()
                path.append(self._name())
            self._take(")")
            *inner, last = path
            for field in inner:
                owner = _field(owner, field)
            return lambda given: last in owner(given)
        if name not in _FUNCTIONS:
            raise CelError(f"{self._text!r}: there is no function {name} here")
        call, arguments = _FUNCTIONS[name], self._list(")")
        return lambda given: call(*(each(given) for each in arguments))

    def _method(self, owner: Expression, name: str) -> Expression:
        self._take("(")
        if name in ("all", "filter"):
            variable = self._name()
            self._take(",")
            test = self.either()
            self._take(")")
            if name == "all":
                return lambda given: all(test({**given, variable: it}) for it in owner(given))
            return lambda given: [it for it in owner(given) if test({**given, variable: it})]
        if name not in _METHODS:
            raise CelError(f"{self._text!r}: there is no method {name} here")
        call, arguments = _METHODS[name], self._list(")")
        return lambda given: call(owner(given), *(each(given) for each in arguments))


def _field(owner: Expression, name: str) -> Expression:
    return lambda given: owner(given)[name]
