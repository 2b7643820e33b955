"""What certificates say about themselves: enough to tell people why TLS fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from modelrun_operator.pki.issue import ROLES

FILES: Final = ("ca.crt", *(f"{role}.{end}" for role in ROLES for end in ("crt", "key")))
"""The keys that the Secret of an incarnation has."""


@dataclass(frozen=True, slots=True)
class Validity:
    """How long a set of certificates holds."""

    begin: datetime
    """The latest begin."""

    end: datetime
    """The earliest end."""

    def holds(self, *, now: datetime) -> bool:
        """Say whether every certificate is valid at a time."""
        return self.begin <= now < self.end


def problems(files: Mapping[str, str]) -> tuple[str, ...]:
    """Return what is wrong with the files of an incarnation; empty where all is well.

    Checked are completeness, that every certificate comes from the authority, and that every key
    belongs to its certificate.
    """
    missing = [name for name in FILES if name not in files]
    if missing:
        return (f"missing: {', '.join(missing)}",)
    found = []
    try:
        authority = _certificate(files["ca.crt"])
        for role in ROLES:
            certificate = _certificate(files[f"{role}.crt"])
            try:
                certificate.verify_directly_issued_by(authority)
            except (InvalidSignature, ValueError):
                found.append(f"{role}.crt comes from another authority")
            key = serialization.load_pem_private_key(files[f"{role}.key"].encode(), None)
            if key.public_key() != certificate.public_key():
                found.append(f"{role}.key belongs to another certificate")
    except ValueError as error:
        found.append(f"not readable: {error}")
    return tuple(found)


def validity(files: Mapping[str, str]) -> Validity:
    """Return how long the certificates hold together.

    Raises:
        ValueError: when one cannot be read.
    """
    certificates = [_certificate(text) for name, text in files.items() if name.endswith(".crt")]
    return Validity(
        begin=max(one.not_valid_before_utc for one in certificates),
        end=min(one.not_valid_after_utc for one in certificates),
    )


def _certificate(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())
