"""One private authority for each incarnation of a cluster, and a pair for each role.

Dask compares no host names: the authority is the whole trust. So nothing is shared between runs,
the authority's key is thrown away as soon as three pairs are signed, and there is no renewal: the
pairs live as long as the run may, because Dask never reads them again.

P-256 with SHA-256: the whole set takes milliseconds, where RSA takes most of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATED: Final = timedelta(minutes=5)
"""Clocks of nodes differ."""

SLACK: Final = timedelta(hours=1)
"""A run that is stopped at its deadline still winds down."""

_SERVER: Final = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT: Final = ExtendedKeyUsageOID.CLIENT_AUTH

ROLES: Final = {
    # Both dial and answer. A worker without server rights would register and then hand out nothing.
    "scheduler": (_SERVER, _CLIENT),
    "worker": (_SERVER, _CLIENT),
    # A stolen runner certificate cannot pose as a scheduler.
    "client": (_CLIENT,),
}


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files of one incarnation."""

    files: dict[str, str]
    """PEM texts by the keys of the Secret: ca.crt, and crt and key of each role."""


def issue(*, cluster: str, hosts: tuple[str, ...], hours: int, now: datetime) -> Certificates:
    """Make an authority and the pairs of scheduler, worker and client; forget the authority's key.

    Args:
        cluster: the cluster's name, for the logs of those who read certificates.
        hosts: DNS names of the scheduler.
        hours: how long the run may take.
        now: the time, in UTC.
    """
    begin, end = now - BACKDATED, now + timedelta(hours=hours) + SLACK
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name(f"{cluster} authority")
    public = authority_key.public_key()
    authority = (
        _builder(authority_name, authority_name, public, begin, end)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    files = {"ca.crt": _pem(authority)}
    for role, purposes in ROLES.items():
        key = ec.generate_private_key(ec.SECP256R1())
        names = [*hosts, f"dask-{role}"] if role == "scheduler" else [f"dask-{role}"]
        certificate = (
            _builder(_name(f"dask-{role}"), authority_name, key.public_key(), begin, end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False
            )
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(authority_key, hashes.SHA256())
        )
        files[f"{role}.crt"] = _pem(certificate)
        files[f"{role}.key"] = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode()
    return Certificates(files=files)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begin: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _name(common: str) -> x509.Name:
    # A common name ends at 64 characters.
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "modelrun.dev"),
            x509.NameAttribute(NameOID.COMMON_NAME, common[:64]),
        ]
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
