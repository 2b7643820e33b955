"""Kubeconfig files with everything inside them, so that a copy works anywhere on the machine."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

from cluster.native.certificates import Certificates

NAME = "modelrun-test"


def write_kubeconfig(path: Path, server: str, certificates: Certificates, user: str) -> None:
    """Write the kubeconfig of `user` to `path`, readable by its owner only.

    The file is JSON, which every reader of kubeconfigs takes for the YAML it is.
    """

    def inline(file: Path) -> str:
        return base64.b64encode(file.read_bytes()).decode()

    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": user}}],
        "clusters": [
            {
                "name": NAME,
                "cluster": {
                    "server": server,
                    "certificate-authority-data": inline(certificates.certificate("ca")),
                },
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": inline(certificates.certificate(user)),
                    "client-key-data": inline(certificates.key(user)),
                },
            }
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(new, path)
