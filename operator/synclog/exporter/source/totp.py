"""Time-based one-time passwords, RFC 6238, with the parameters that every authenticator uses."""

import base64
import binascii
import hmac
import struct

from synclog.exporter.errors import ConfigurationError

STEP_SECONDS = 30
_DIGITS = 6


def totp(seed: str, step: int) -> str:
    """The code of one step of 30 seconds since the epoch.

    Args:
        seed: the seed in base32; spaces, case and padding do not matter.
        step: the number of the step.

    Raises:
        ConfigurationError: the seed is not base32.
    """
    plain = seed.replace(" ", "").replace("-", "").rstrip("=").upper()
    try:
        key = base64.b32decode(plain + "=" * (-len(plain) % 8))
    except binascii.Error:
        raise ConfigurationError(
            "TotpSeedUnreadable", "the TOTP seed is not base32: copy the text under the QR code"
        ) from None  # the error's own text may show the seed
    digest = hmac.digest(key, struct.pack(">Q", step), "sha1")
    at = digest[-1] & 0x0F
    number = int.from_bytes(digest[at : at + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**_DIGITS:0{_DIGITS}d}"
