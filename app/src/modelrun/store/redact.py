"""Taking secrets out of what is written down or shown.

Addresses may carry passwords and keys, and the environment holds credentials. What leaves the
process in messages, tables or run.json goes through here first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"

_USER_INFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/@\s?#]+)@")
_PARAMETER = re.compile(
    r"(?P<name>[?&;](?:[^=&;\s]*(?:signature|sig|token|secret|password|credential|key|auth)"
    r"[^=&;\s]*)=)(?P<value>[^&;#\s]+)",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"passw|secret|token|credential|authorization|connection_?string|"
    r"(?:private|access|api|account)_?key|(?:^|_)sas(?:_|$)",
    re.IGNORECASE,
)
_PUBLIC_NAME = re.compile(r"secret_?name$", re.IGNORECASE)

CONTAINER_SCHEMES = ("abfs://", "abfss://", "az://")
"""Here the part before the @ names a container; it is no password."""


def redact_uri(text: str) -> str:
    """Return the text with passwords, keys and signatures of addresses in it hidden."""

    def hide_user(match: re.Match[str]) -> str:
        scheme, user = match["scheme"], match["user"]
        if scheme.lower() in CONTAINER_SCHEMES and ":" not in user:
            return match[0]
        return f"{scheme}{HIDDEN}@"

    return _PARAMETER.sub(rf"\g<name>{HIDDEN}", _USER_INFO.sub(hide_user, text))


def redact(value: Any, secrets: frozenset[str] = frozenset()) -> Any:
    """Return a document without its secrets.

    Args:
        value: Anything JSON can say.
        secrets: Texts that must not appear anywhere, such as the values of credentials.

    Returns:
        The same document: values under names of secrets and the secrets themselves are hidden.
    """
    match value:
        case str():
            text = redact_uri(value)
            for secret in secrets:
                text = text.replace(secret, HIDDEN)
            return text
        case Mapping():
            return {
                name: HIDDEN
                if isinstance(item, str) and item and is_secret_name(str(name))
                else redact(item, secrets)
                for name, item in value.items()
            }
        case list() | tuple():
            return [redact(item, secrets) for item in value]
        case _:
            return value


def is_secret_name(name: str) -> bool:
    """Say whether a field or an environment variable of this name holds a secret."""
    return bool(_SECRET_NAME.search(name)) and not _PUBLIC_NAME.search(name)


def environment_secrets(environment: Mapping[str, str], names: frozenset[str]) -> frozenset[str]:
    """Return the values of credentials in an environment.

    Args:
        environment: Names and values.
        names: Variables known to come from a credentials Secret, whatever they are called.
    """
    return frozenset(
        value
        for name, value in environment.items()
        if len(value) >= 6 and (name in names or is_secret_name(name))
    )
