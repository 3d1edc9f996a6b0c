"""Tokens, the secrets that make them, and one-time passwords."""

from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synclog.api.source import ApiClientAuth, Auth, BearerTokenAuth, UserPasswordAuth
from synclog.exporter.errors import AnswerError, AuthorisationError, ConfigurationError
from synclog.exporter.source.credentials import (
    ApiClient,
    BearerToken,
    UserPassword,
    load_credentials,
)
from synclog.exporter.source.tokens import TokenRequest, Tokens
from synclog.exporter.source.totp import totp

SEED = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # "12345678901234567890", of RFC 6238
CLIENT = Auth(api_client=ApiClientAuth(secret_name="s"))
USER = Auth(user_password=UserPasswordAuth(secret_name="s", totp_seed_key="seed"))
BEARER = Auth(bearer_token=BearerTokenAuth(secret_name="s"))


class Desk:
    """Answers token requests with numbered tokens."""

    def __init__(self, answer: Callable[[int], bytes]) -> None:
        self.requests: list[TokenRequest] = []
        self._answer = answer

    def __call__(self, request: TokenRequest, /) -> bytes:
        self.requests.append(request)
        return self._answer(len(self.requests))


def client_desk(seconds: int = 900) -> Desk:
    return Desk(
        lambda n: b'{"access_token":"t%d","token_type":"bearer","expires_in":%d}' % (n, seconds)
    )


def tokens(desk: Desk, time: Any, auth: Auth = CLIENT, credentials: Any = None) -> Tokens:
    return Tokens(
        "https://console.example/",
        auth,
        credentials or ApiClient("id", "secret"),
        send=desk,
        clock=time,
        stop=time,
    )


def test_an_api_client(fake_time: Any) -> None:
    desk = client_desk()
    assert tokens(desk, fake_time).get() == "t1"
    request = desk.requests[0]
    assert (request.method, request.url) == ("POST", "https://console.example/api/v3/oauth/token")
    assert request.params == {"grant_type": "client_credentials"}
    assert b64decode(request.headers["Authorization"].removeprefix("Basic ")) == b"id:secret"


def test_another_token_url(fake_time: Any) -> None:
    gateway = "https://api.us.code42.com/v1/oauth"
    desk = client_desk()
    auth = Auth(api_client=ApiClientAuth(secret_name="s", token_url=gateway))
    tokens(desk, fake_time, auth).get()
    assert desk.requests[0].url == gateway


@pytest.mark.parametrize(("life", "fresh_for"), [(900, 839), (10, 7)])
def test_a_token_is_refreshed_early(fake_time: Any, life: int, fresh_for: int) -> None:
    held = tokens(client_desk(life), fake_time)
    assert held.get() == "t1"
    fake_time.instant += fresh_for * 1000
    assert held.get() == "t1"
    fake_time.instant += 2000
    assert held.get() == "t2"


def test_a_refused_token_is_replaced_once_for_all(fake_time: Any) -> None:
    held = tokens(client_desk(), fake_time)
    assert held.get() == "t1"
    assert held.get(refused="t1") == "t2"
    assert held.get(refused="t1") == "t2"  # another page was refused with the same token


def test_a_ready_token_cannot_be_replaced(fake_time: Any) -> None:
    held = tokens(client_desk(), fake_time, BEARER, BearerToken("ready"))
    assert held.get() == held.get(refused="ready") == "ready"


@pytest.mark.parametrize("text", ["two words", "tökén", "line\nend", ""])
def test_a_token_that_cannot_be_sent_is_not_shown(fake_time: Any, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tokens(client_desk(), fake_time, BEARER, BearerToken(text)).get()
    assert not text or text not in repr(caught.value)


def test_a_local_user_never_uses_a_code_twice(fake_time: Any) -> None:
    desk = Desk(lambda n: b'{"data":{"v3_user_token":"u%d"}}' % n)
    held = tokens(desk, fake_time, USER, UserPassword("me", "pass:wörd", SEED))
    assert held.get() == "u1"
    assert held.get(refused="u1") == "u2"
    assert held.get(refused="u2") == "u3"
    codes = [request.headers["totp-auth"] for request in desk.requests]
    assert len(set(codes)) == 3
    assert all(0 < wait <= 30 for wait in fake_time.waited)
    assert desk.requests[0].url == "https://console.example/api/v3/auth/jwt"
    assert desk.requests[0].params == {"useBody": "true"}
    basic = desk.requests[0].headers["Authorization"].removeprefix("Basic ")
    assert b64decode(basic).decode() == "me:pass:wörd"


def refusing(first: int) -> Desk:
    """A desk that refuses the first requests."""

    def answer(number: int) -> bytes:
        if number <= first:
            raise AuthorisationError("TokenRefused", f"refused {number}")
        return b'{"data":{"v3_user_token":"u"}}'

    return Desk(answer)


def test_a_code_that_another_process_has_used_is_followed_by_the_next(fake_time: Any) -> None:
    desk = refusing(1)
    assert tokens(desk, fake_time, USER, UserPassword("me", "pass", SEED)).get() == "u"
    first, second = (request.headers["totp-auth"] for request in desk.requests)
    assert first != second
    assert [0 < wait <= 30 for wait in fake_time.waited] == [True]


@pytest.mark.parametrize(("seed", "asked"), [(SEED, 2), (None, 1)])
def test_a_refused_user_is_not_asked_for_without_end(
    fake_time: Any, seed: str | None, asked: int
) -> None:
    desk = refusing(9)
    with pytest.raises(AuthorisationError, match=f"refused {asked}"):
        tokens(desk, fake_time, USER, UserPassword("me", "pass", seed)).get()
    assert len(desk.requests) == asked


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b"[]", b'{"access_token":7}', b'{"token":"hidden-token"}']
)
def test_an_answer_without_a_token_is_refused_and_not_shown(fake_time: Any, body: bytes) -> None:
    with pytest.raises(AnswerError) as caught:
        tokens(Desk(lambda _: body), fake_time).get()
    assert "hidden" not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize(
    ("second", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_of_the_rfc(second: int, code: str) -> None:
    assert totp(SEED, second // 30) == code
    assert totp(SEED.lower()[:16] + " " + SEED[16:] + "===", second // 30) == code


def test_a_seed_that_is_no_base32_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        totp("hidden-seed-1890", 1)
    assert "hidden" not in repr(caught.value) + repr(caught.value.__cause__)


def test_credentials_are_files(tmp_path: Path) -> None:
    for key, value in {
        "clientId": "id",
        "clientSecret": "s\n",
        "username": "me",
        "password": "p",
        "seed": SEED,
        "token": "t",
    }.items():
        (tmp_path / key).write_text(value)
    assert load_credentials(CLIENT, tmp_path) == ApiClient("id", "s")
    assert load_credentials(USER, tmp_path) == UserPassword("me", "p", SEED)
    assert load_credentials(BEARER, tmp_path) == BearerToken("t")


@pytest.mark.parametrize("content", [None, b"", b"  \n", b"two\nlines", b"\xff\xfehidden"])
def test_a_bad_file_is_named_and_not_shown(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigurationError, match="the key token of the Secret") as caught:
        load_credentials(BEARER, tmp_path)
    assert "hidden" not in repr(caught.value)
    if content is None:
        assert str(tmp_path / "token") in caught.value.message


def test_secrets_do_not_show() -> None:
    made = (
        ApiClient("id", "hidden"),
        UserPassword("me", "hidden", "hidden"),
        BearerToken("hidden"),
    )
    assert "hidden" not in repr(made)
    assert all("hidden" in each.secrets for each in made)
