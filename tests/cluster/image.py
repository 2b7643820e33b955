"""Building the image of this checkout, and the image of the S3 server for tests.

The builder is docker, podman or buildah, whichever is there. Tags are taken from the content, so
a pod never runs an older image by the same name, and an unchanged image is loaded only once.
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

from cluster.clock import step
from cluster.command import run, run_logged
from cluster.errors import ClusterError
from cluster.home import CHECKOUT, SOURCE, Home, content_hash
from cluster.provider import BuiltImage, docker_answers

NAME = "modelrun"
S3_NAME = "modelrun-test-s3"
DEFAULT_BASE = "docker.io/library/python:3.13-slim"
SUITE = "trixie"
BASE_PACKAGES = "python3,python3-pip,python3-venv,ca-certificates"
CURRENT = "current.json"
VALUES = CHECKOUT / ".cache" / "image-values.yaml"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True, slots=True)
class Builder:
    """A program that builds images from Dockerfiles.

    Attributes:
        name: docker, podman or buildah.
        command: How to call it.
        build_options: Options that every build takes.
    """

    name: str
    command: tuple[str, ...]
    build_options: tuple[str, ...] = ()

    @classmethod
    def find(cls, home: Home) -> Builder:
        """Return the first that is there.

        Raises:
            ClusterError: There is none.
        """
        if docker_answers():
            return cls("docker", ("docker",), ())
        if shutil.which("podman"):
            return cls("podman", ("podman",), ("--layers",))
        if shutil.which("buildah"):
            storage = home.cache / "storage"
            command = (
                "buildah",
                f"--root={storage / 'root'}",
                f"--runroot={storage / 'run'}",
                "--storage-driver=overlay",
            )
            return cls("buildah", command, ("--isolation=chroot", "--layers"))
        raise ClusterError("no docker daemon, podman or buildah is here to build an image with.")

    def build(
        self,
        tag: str,
        folder: Path,
        log: Path,
        arguments: dict[str, str],
        labels: dict[str, str],
    ) -> str:
        """Build an image and return its id, 64 hexadecimal digits."""
        secret = [f"--secret=id=ca-bundle,src={CA_BUNDLE}"] if CA_BUNDLE.exists() else []
        run_logged(
            ["nice", "-n", "5", *self.command, "build", *self.build_options, *secret]
            + [f"--build-arg={key}={value}" for key, value in arguments.items()]
            + [f"--label=org.opencontainers.image.{key}={value}" for key, value in labels.items()]
            + ["--tag", tag, folder],
            log,
            limit=1800,
            env={"DOCKER_BUILDKIT": "1"},
        )
        kind = ["inspect", "--type=image"] if self.name == "buildah" else ["image", "inspect"]
        field = "{{.FromImageID}}" if self.name == "buildah" else "{{.Id}}"
        identity = run([*self.command, *kind, "--format", field, tag]).stdout.strip()
        return identity.removeprefix("sha256:")

    def stored(self, reference: str) -> str:
        """Say to skopeo where the image is."""
        match self.name:
            case "docker":
                return f"docker-daemon:{reference}"
            case "podman":
                return f"containers-storage:localhost/{reference}"
            case _:
                storage = Path(self.command[1].removeprefix("--root=")).parent
                place = f"[overlay@{storage / 'root'}+{storage / 'run'}]"
                return f"containers-storage:{place}localhost/{reference}"

    def tag(self, tag: str, another: str) -> None:
        run([*self.command, "tag", tag, another])


def build_all(home: Home, provider: str) -> tuple[BuiltImage, BuiltImage]:
    """Build the image of modelrun and that of the S3 server; quick when nothing changed.

    Args:
        home: Where layouts for the native provider's registry go.
        provider: ``native`` means a base image from Debian packages, since there may be no
            registry; MODELRUN_BASE_IMAGE overrides either choice.

    Returns:
        The two images.
    """
    with home.locked("image"):
        builder = Builder.find(home)
        base = os.environ.get("MODELRUN_BASE_IMAGE") or (
            _debian_base(home, builder) if provider == "native" else DEFAULT_BASE
        )
        arguments = {"BASE_IMAGE": base}
        with step(f"{NAME} image built by {builder.name}"):
            main = _build(home, builder, NAME, CHECKOUT, arguments, _origin())
        with step(f"{S3_NAME} image built by {builder.name}"):
            s3 = _build(home, builder, S3_NAME, SOURCE / "images" / "s3", arguments, {})
        if provider == "native":
            for image in (main, s3):
                with step(f"{image.reference} handed to the registry"):
                    _export(home, builder, image)
        if builder.name == "buildah":
            _forget_older(builder, keep=(main, s3))
        current = home.images / CURRENT
        current.parent.mkdir(parents=True, exist_ok=True)
        current.write_text(json.dumps({NAME: main.reference, S3_NAME: s3.reference}))
        return main, s3


def current_image(home: Home, name: str) -> str:
    """Return the reference of the image `name` that was built last.

    Raises:
        ClusterError: None was.
    """
    current = home.images / CURRENT
    if not current.exists():
        raise ClusterError("no image was built yet; build it with `make image`.")
    return str(json.loads(current.read_text())[name])


def write_values(image: BuiltImage) -> Path:
    """Write values with which the chart takes this image, and return their file."""
    repository, _, tag = image.reference.partition(":")
    VALUES.parent.mkdir(parents=True, exist_ok=True)
    VALUES.write_text(json.dumps({"image": {"repository": repository, "tag": tag}}) + "\n")
    return VALUES


def _build(
    home: Home,
    builder: Builder,
    name: str,
    folder: Path,
    arguments: dict[str, str],
    labels: dict[str, str],
) -> BuiltImage:
    log = home.root / "logs" / f"image-{name}.log"
    local = f"localhost/{name}:dev" if builder.name == "buildah" else f"{name}:dev"
    identity = builder.build(local, folder, log, arguments, labels)
    reference = f"{name}:{identity[:12]}"
    prefix = "localhost/" if builder.name == "buildah" else ""
    builder.tag(local, prefix + reference)
    return BuiltImage(reference, builder.name)


def _forget_older(builder: Builder, keep: tuple[BuiltImage, ...]) -> None:
    """Delete earlier images of the same names from the storage that is only ours."""
    names = {f"localhost/{image.reference.partition(':')[0]}" for image in keep}
    kept = {f"localhost/{image.reference}" for image in keep} | {f"{name}:dev" for name in names}
    listed = run([*builder.command, "images", "--format", "{{.Name}}:{{.Tag}}"]).stdout.split()
    older = [one for one in listed if one.rpartition(":")[0] in names and one not in kept]
    if older:
        run([*builder.command, "rmi", *older], check=False, limit=120)


def _debian_base(home: Home, builder: Builder) -> str:
    """Make a base image with Python from Debian's packages, once per machine; return its name."""
    tag = f"localhost/modelrun-base:{SUITE}-{content_hash([], BASE_PACKAGES)}"
    if run([*builder.command, "inspect", "--type=image", tag], check=False).returncode == 0:
        return tag
    folder = home.cache / "base"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with step(f"base image from Debian {SUITE}"):
        run_logged(
            [
                "mmdebstrap",
                "--variant=minbase",
                f"--include={BASE_PACKAGES}",
                SUITE,
                folder / "base.tar",
            ],
            home.root / "logs" / "image-base.log",
            limit=600,
        )
        (folder / "Dockerfile").write_text('FROM scratch\nADD base.tar /\nCMD ["python3"]\n')
        log = home.root / "logs" / "image-base-build.log"
        builder.build(tag, folder, log, {}, {})
    shutil.rmtree(folder)
    return tag


def _export(home: Home, builder: Builder, image: BuiltImage) -> None:
    """Put an image into its layout, from which the registry serves it; keep no older one."""
    name, _, tag = image.reference.partition(":")
    layout = home.images / name
    index = layout / "index.json"
    if index.exists() and f'"{tag}"' in index.read_text():
        return
    layout.parent.mkdir(parents=True, exist_ok=True)
    # Layers stay unpacked: then a layer that the layout has is recognised, and not written again.
    run(
        [
            "skopeo",
            "--insecure-policy",
            "copy",
            "--quiet",
            "--dest-oci-accept-uncompressed-layers",
            builder.stored(image.reference),
            f"oci:{layout}:{tag}",
        ],
        limit=300,
    )
    _prune(layout, keep=3)


def _prune(layout: Path, keep: int) -> None:
    """Forget all but the newest `keep` images of a layout, and delete blobs that none needs."""
    index = json.loads((layout / "index.json").read_text())
    index["manifests"] = index["manifests"][-keep:]
    blobs = layout / "blobs" / "sha256"
    needed = set()
    for entry in index["manifests"]:
        digest = entry["digest"].removeprefix("sha256:")
        manifest = json.loads((blobs / digest).read_text())
        needed.add(digest)
        for part in (manifest["config"], *manifest["layers"]):
            needed.add(part["digest"].removeprefix("sha256:"))
    new = layout / "index.json.new"
    new.write_text(json.dumps(index))
    os.replace(new, layout / "index.json")
    for blob in blobs.iterdir():
        if blob.name not in needed:
            blob.unlink()


def _origin() -> dict[str, str]:
    """Say which version and revision of the source an image is made of."""
    with (CHECKOUT / "pyproject.toml").open("rb") as file:
        origin = {"version": tomllib.load(file)["project"]["version"]}
    if shutil.which("git"):
        revision = run(["git", "-C", CHECKOUT, "rev-parse", "HEAD"], check=False).stdout.strip()
        origin["revision"] = revision or "unknown"
    return origin
