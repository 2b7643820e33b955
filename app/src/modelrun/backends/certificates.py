"""Throw-away certificates for a cluster that lives only as long as one run on this machine.

Dask compares no names: whoever has a certificate of the authority is trusted. So each cluster gets
its own authority, whose key is forgotten as soon as the pairs of the roles are signed.
"""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=8)
"""Longer than any run; certificates cannot be renewed while a cluster lives."""
_BACKDATED = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, both as PEM text."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Certificates:
    """All certificates of a cluster."""

    authority: str
    """The certificate of the authority as PEM text; its key no longer exists."""
    scheduler: Pair
    worker: Pair
    client: Pair

    def security(self) -> dict[str, object]:
        """Return what tls.security takes: TLS 1.3 only, nothing unencrypted."""
        return {
            "require_encryption": True,
            "tls_min_version": ssl.TLSVersion.TLSv1_3.value,
            "tls_ca_file": self.authority,
            "tls_scheduler_cert": self.scheduler.certificate,
            "tls_scheduler_key": self.scheduler.key,
            "tls_worker_cert": self.worker.certificate,
            "tls_worker_key": self.worker.key,
            "tls_client_cert": self.client.certificate,
            "tls_client_key": self.client.key,
        }


def issue(now: dt.datetime) -> Certificates:
    """Make an authority and one pair per role.

    Args:
        now: The present time, with its time zone.
    """
    authority_key = ec.generate_private_key(ec.SECP256R1())
    name = _name("modelrun local cluster")
    authority = (
        _builder(name, name, authority_key, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )

    def pair(role: str, *usages: x509.ObjectIdentifier) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name(f"modelrun {role}"), name, key, now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .sign(authority_key, hashes.SHA256())
        )
        return Pair(_pem(certificate), _key_pem(key))

    server, client = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
    return Certificates(
        authority=_pem(authority),
        scheduler=pair("scheduler", server, client),
        worker=pair("worker", server, client),
        client=pair("client", client),
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    now: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + LIFETIME)
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
