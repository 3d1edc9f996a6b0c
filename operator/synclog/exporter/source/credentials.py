"""The secrets that the exporter is given, as mounted files; none of them is ever shown."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from synclog.api.source import Auth
from synclog.exporter.errors import ConfigurationError

_SECRET_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class ApiClient:
    """An API client of the source."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any output."""
        return (self.client_secret,)


@dataclass(frozen=True, slots=True)
class UserPassword:
    """A local user of the source."""

    username: str = field(repr=False)
    password: str = field(repr=False)
    totp_seed: str | None = field(default=None, repr=False)
    """Base32, where the user has a second factor."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any output."""
        return (self.password, *((self.totp_seed,) if self.totp_seed else ()))


@dataclass(frozen=True, slots=True)
class BearerToken:
    """A token made elsewhere."""

    token: str = field(repr=False)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not appear in any output."""
        return (self.token,)


Credentials: TypeAlias = ApiClient | UserPassword | BearerToken


def load_credentials(auth: Auth, directory: Path) -> Credentials:
    """Read the credentials that ``source.auth`` names.

    Args:
        auth: which way of authorisation, and the keys of its Secret.
        directory: a folder with one file for each key of the Secret.

    Raises:
        ConfigurationError: a file is missing, empty or no text.
    """
    match auth:
        case Auth(api_client=client) if client is not None:
            return ApiClient(
                _read(directory, client.client_id_key), _read(directory, client.client_secret_key)
            )
        case Auth(user_password=user) if user is not None:
            return UserPassword(
                _read(directory, user.username_key),
                _read(directory, user.password_key),
                _read(directory, user.totp_seed_key) if user.totp_seed_key else None,
            )
        case Auth(bearer_token=bearer) if bearer is not None:
            return BearerToken(_read(directory, bearer.token_key))
    raise ConfigurationError(
        "NoCredentials", "source.auth names no way: set apiClient, userPassword or bearerToken"
    )


def _read(directory: Path, key: str) -> str:
    try:
        with (directory / key).open("rb") as file:
            raw = file.read(_SECRET_LIMIT)
        text = raw.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ConfigurationError(
            "CredentialsUnreadable", f"the key {key} of the Secret holds no text"
        ) from None  # the error's own text would show the bytes
    except OSError as error:
        raise ConfigurationError(
            "CredentialsMissing",
            f"the key {key} of the Secret cannot be read: the file {directory / key}: "
            f"{error.strerror or error}",
        ) from error
    if not text or any(ord(character) < 32 for character in text):
        raise ConfigurationError(
            "CredentialsUnreadable", f"the key {key} of the Secret must hold one line of text"
        )
    return text
