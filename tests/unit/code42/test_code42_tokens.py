"""Getting tokens, and losing them."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from devcluster.code42 import MARKER, Behaviour, Credentials, Tokens
from devcluster.code42.tokens import RefusedError, TokenDesk, basic, totp

CLIENT = Credentials()
GRANT = {"grant_type": "client_credentials"}


def console(http: httpx.Client, secret: str = CLIENT.client_secret) -> httpx.Response:
    return http.post("/api/v3/oauth/token", params=GRANT, auth=(CLIENT.client_id, secret))


def gateway_basic(http: httpx.Client, secret: str = CLIENT.client_secret) -> httpx.Response:
    return http.post("/v1/oauth", params=GRANT, auth=(CLIENT.client_id, secret))


def gateway_form(http: httpx.Client, secret: str = CLIENT.client_secret) -> httpx.Response:
    form = GRANT | {"client_id": CLIENT.client_id, "client_secret": secret}
    return http.post("/v1/oauth", data=form)


def user(http: httpx.Client, password: str = CLIENT.password, **headers: str) -> httpx.Response:
    auth = (CLIENT.username, password)
    return http.get("/api/v3/auth/jwt", params={"useBody": "true"}, auth=auth, headers=headers)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("ask", [console, gateway_basic, gateway_form])
def test_an_api_client_gets_a_token(connect: Callable, ask: Callable) -> None:
    client = connect(authorised=False)
    answer = ask(client.http).json()
    assert answer == {
        "access_token": answer["access_token"],
        "token_type": "bearer",
        "expires_in": 900,
    }
    assert client.csv(**bearer(answer["access_token"])).status_code == 200


@pytest.mark.parametrize("ask", [console, gateway_basic, gateway_form, user])
def test_a_wrong_secret_is_refused(connect: Callable, ask: Callable) -> None:
    client = connect(authorised=False)
    answer = ask(client.http, "guess")
    assert answer.status_code == 401
    assert answer.json()[0]["description"]


def test_a_user_gets_a_token(connect: Callable) -> None:
    client = connect(authorised=False)
    token = user(client.http).json()["data"]["v3_user_token"]
    assert client.csv(**bearer(token)).status_code == 200


def test_a_user_token_needs_use_body(connect: Callable) -> None:
    client = connect(authorised=False)
    answer = client.http.get("/api/v3/auth/jwt", auth=(CLIENT.username, CLIENT.password))
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_grant_is_required(connect: Callable) -> None:
    client = connect(authorised=False)
    auth = (CLIENT.client_id, CLIENT.client_secret)
    assert client.http.post("/api/v3/oauth/token", auth=auth).status_code == 400
    assert client.http.post("/v1/oauth").status_code == 400
    assert client.http.post("/v1/oauth", data=GRANT).status_code == 401


def test_basic_is_refused_elsewhere(connect: Callable) -> None:
    client = connect(authorised=False)
    header = f"Basic {basic(CLIENT.client_id, CLIENT.client_secret)}"
    for answer in (client.csv(Authorization=header), client.csv()):
        assert answer.status_code == 401
        assert "bearer" in answer.json()[0]["description"]


def test_a_token_expires_after_requests(connect: Callable) -> None:
    client = connect(Behaviour(tokens=Tokens(requests=2)))
    assert [client.csv().status_code for _ in range(3)] == [200, 200, 401]
    client.authorise()
    assert client.csv().status_code == 200


def test_tokens_can_be_expired(connect: Callable) -> None:
    client = connect()
    client.source.expire_tokens()
    assert client.csv().status_code == 401


@pytest.mark.parametrize(("kind", "seconds"), [("client", 5), ("user", 7)])
def test_a_token_expires_after_seconds(kind: str, seconds: int) -> None:
    clock = [1000.0]
    desk = TokenDesk(monotonic=lambda: clock[0])
    policy = Tokens(api_client_seconds=5, user_seconds=7)
    if kind == "client":
        token = desk.issue_for_client(CLIENT.client_id, CLIENT.client_secret, policy)
    else:
        token = desk.issue_for_user(CLIENT.username, CLIENT.password, None, policy)
    clock[0] += seconds - 0.1
    assert desk.check(token, policy).number == 1
    clock[0] += 0.1
    with pytest.raises(RefusedError, match="expired"):
        desk.check(token, policy)


def test_the_stated_life_may_be_wrong(connect: Callable) -> None:
    client = connect(Behaviour(tokens=Tokens(stated_seconds=3)), authorised=False)
    assert console(client.http).json()["expires_in"] == 3


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        (Tokens(permission="no_permission"), "permission"),
        (Tokens(permission="no_api_in_plan"), "plan"),
        (Tokens(accepts=("user",)), "api_client"),
    ],
)
def test_a_good_token_may_still_be_refused(connect: Callable, policy: Tokens, reason: str) -> None:
    answer = connect(Behaviour(tokens=policy)).csv()
    assert answer.status_code == 401
    assert reason in answer.json()[0]["description"]


def test_totp_is_the_published_algorithm() -> None:
    # RFC 6238, appendix B: the last six of the eight digits.
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert [totp(seed, at // 30) for at in (59, 1111111109, 20000000000)] == [
        "287082",
        "081804",
        "353130",
    ]


@pytest.mark.parametrize(("mode", "again"), [("required", True), ("single_use", False)])
def test_totp(mode: Any, again: bool) -> None:
    policy = Tokens(totp=mode)
    desk = TokenDesk(wall=lambda: 59.0)

    def ask(code: str | None) -> bool:
        try:
            return bool(desk.issue_for_user(CLIENT.username, CLIENT.password, code, policy))
        except RefusedError:
            return False

    code = totp(CLIENT.totp_seed, 1)
    assert not ask(None)
    assert not ask("000000")
    assert not ask(totp(CLIENT.totp_seed, 4))
    assert ask(code)
    assert ask(code) is again


def test_totp_travels_in_its_header(connect: Callable) -> None:
    client = connect(Behaviour(tokens=Tokens(totp="required")), authorised=False)
    assert user(client.http).status_code == 401
    client.source.simulation.desk.wall = lambda: 59.0
    code = totp(CLIENT.totp_seed, 1)
    assert user(client.http, **{"totp-auth": code}).status_code == 200


def test_every_secret_is_recognised(connect: Callable) -> None:
    client = connect()
    token = client.token()
    basic_header = basic(CLIENT.client_id, CLIENT.client_secret)
    secrets = (token, CLIENT.client_secret, CLIENT.password, CLIENT.totp_seed, basic_header)
    for secret in secrets:
        assert client.source.leaks(f"log line with {secret} in it")
    assert all(MARKER in secret.lower() for secret in secrets[:-1])
    assert not client.source.leaks(f"log line with {CLIENT.client_id} and {CLIENT.username}")


def test_own_credentials_are_recognised_too() -> None:
    desk = TokenDesk(Credentials(client_secret="hunter2hunter2", password="correct horse"))
    assert desk.leaks("…hunter2hunter2…")
    assert desk.leaks("…correct horse…")
    assert not desk.leaks("nothing")
