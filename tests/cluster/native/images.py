"""Images of one static binary, written as OCI layouts by hand: no builder needed for them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import platform
import shutil
import tarfile
from pathlib import Path

LAYOUT = "org.opencontainers.image.ref.name"


def write_binary_image(images: Path, name: str, binary: Path) -> str:
    """Write an image that holds `binary` alone and runs it; return its reference.

    Args:
        images: Folder of layouts; the image goes to ``images/NAME``, replacing what is there.
        name: Name of the image and of its entry point.
        binary: A static executable.

    Returns:
        ``NAME:TAG`` with a tag taken from the content.
    """
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        member = archive.gettarinfo(str(binary), arcname=name)
        member.uid = member.gid = member.mtime = 0
        member.uname = member.gname = ""
        member.mode = 0o755
        with binary.open("rb") as content:
            archive.addfile(member, content)
    raw = layer.getvalue()
    packed = gzip.compress(raw, compresslevel=1, mtime=0)
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    config = json.dumps(
        {
            "architecture": machine,
            "os": "linux",
            "config": {"Entrypoint": [f"/{name}"], "User": "65535:65535"},
            "rootfs": {"type": "layers", "diff_ids": [_digest(raw)]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": _descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", packed)],
        }
    ).encode()
    reference = f"{name}:{_digest(manifest)[7:19]}"
    folder = images / name
    if folder.exists() and reference in (folder / "index.json").read_text():
        return reference
    new = images / f"{name}.new"
    shutil.rmtree(new, ignore_errors=True)
    (new / "blobs" / "sha256").mkdir(parents=True)
    for blob in (packed, config, manifest):
        (new / "blobs" / "sha256" / _digest(blob)[7:]).write_bytes(blob)
    (new / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    descriptor = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    index = {
        "schemaVersion": 2,
        "manifests": [{**descriptor, "annotations": {LAYOUT: reference}}],
    }
    (new / "index.json").write_text(json.dumps(index))
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(new, folder)
    return reference


def references(images: Path, name: str) -> set[str]:
    """Return ``NAME:TAG`` of every image in the layout of that name."""
    index = images / name / "index.json"
    if not index.exists():
        return set()
    noted = [
        str(manifest.get("annotations", {}).get(LAYOUT, ""))
        for manifest in json.loads(index.read_text())["manifests"]
    ]
    return {reference if ":" in reference else f"{name}:{reference}" for reference in noted}


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}
