"""The certificate authority of the cluster and the certificates of its parts, by openssl.

They live as long as the cluster: `down` deletes them, keys included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.command import run
from cluster.native.addresses import HOST, KUBERNETES_SERVICE, NODES

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
DAYS = "365"


@dataclass(frozen=True, slots=True)
class Certificates:
    """A folder with ``NAME.crt`` and ``NAME.key`` files."""

    folder: Path

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.crt"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def issue_all(self) -> None:
        """Make the authority and every certificate the cluster needs; about half a second."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        # Without key usage Python refuses the authority: it verifies with VERIFY_X509_STRICT.
        run(
            [
                "openssl",
                "req",
                "-x509",
                *CURVE,
                "-days",
                DAYS,
                "-subj",
                "/CN=modelrun-test-cluster",
                "-addext",
                "keyUsage=critical,keyCertSign,cRLSign",
                "-keyout",
                self.key("ca"),
                "-out",
                self.certificate("ca"),
            ]
        )
        run(
            [
                "openssl",
                "ecparam",
                "-genkey",
                "-name",
                "prime256v1",
                "-noout",
                "-out",
                self.key("service-accounts"),
            ]
        )
        run(
            [
                "openssl",
                "ec",
                "-in",
                self.key("service-accounts"),
                "-pubout",
                "-out",
                self.folder / "service-accounts.pub",
            ]
        )
        self._issue(
            "apiserver",
            "kube-apiserver",
            alternatives=[
                "DNS:kubernetes",
                "DNS:kubernetes.default",
                "DNS:kubernetes.default.svc",
                "DNS:kubernetes.default.svc.cluster.local",
                "DNS:localhost",
                f"IP:{KUBERNETES_SERVICE}",
                f"IP:{HOST}",
                "IP:127.0.0.1",
            ],
        )
        self._issue("admin", "kubernetes-admin", organization="system:masters")
        self._issue("apiserver-kubelet", "kube-apiserver-kubelet", organization="system:masters")
        for part in ("kube-controller-manager", "kube-scheduler", "kube-proxy"):
            self._issue(part, f"system:{part}")
        for node in NODES:
            self._issue(
                node.name,
                f"system:node:{node.name}",
                organization="system:nodes",
                alternatives=[f"DNS:{node.name}", f"IP:{node.address}"],
            )

    def _issue(
        self,
        name: str,
        common_name: str,
        *,
        organization: str | None = None,
        alternatives: Sequence[str] = (),
    ) -> None:
        subject = (f"/O={organization}" if organization else "") + f"/CN={common_name}"
        request = self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(
            "basicConstraints=critical,CA:FALSE\n"
            "keyUsage=critical,digitalSignature\n"
            "extendedKeyUsage=serverAuth,clientAuth\n"
            "subjectKeyIdentifier=hash\n"
            "authorityKeyIdentifier=keyid\n"
            + (f"subjectAltName={','.join(alternatives)}\n" if alternatives else "")
        )
        run(
            [
                "openssl",
                "req",
                "-new",
                *CURVE,
                "-subj",
                subject,
                "-keyout",
                self.key(name),
                "-out",
                request,
            ]
        )
        run(
            [
                "openssl",
                "x509",
                "-req",
                "-in",
                request,
                "-days",
                DAYS,
                "-extfile",
                extensions,
                "-CA",
                self.certificate("ca"),
                "-CAkey",
                self.key("ca"),
                "-CAcreateserial",
                "-out",
                self.certificate(name),
            ]
        )
        request.unlink()
        extensions.unlink()
