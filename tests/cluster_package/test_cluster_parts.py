"""The parts of the native cluster that can be seen at work without raising one."""

from __future__ import annotations

import http.client
import json
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from cluster.clock import wait_until
from cluster.errors import ClusterError
from cluster.home import Home, content_hash
from cluster.native import registry
from cluster.native.certificates import Certificates
from cluster.native.images import references, write_binary_image
from cluster.native.processes import Processes

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_the_content_hash_follows_content_and_names_but_not_the_place(tmp_path: Path) -> None:
    for place in ("a", "b"):
        folder = tmp_path / place / "source"
        folder.mkdir(parents=True)
        (folder / "go.mod").write_text("module x")
    first, second = (content_hash([tmp_path / place / "source"]) for place in ("a", "b"))
    assert first == second
    (tmp_path / "b" / "source" / "go.mod").write_text("module y")
    assert content_hash([tmp_path / "b" / "source"]) != first
    assert content_hash([tmp_path / "a" / "source"], "-s -w") != first


def test_a_second_holder_of_the_lock_is_told_who_has_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with (
        home.locked(),
        pytest.raises(ClusterError, match="still held by process"),
        home.locked(limit=0.1),
    ):
        pass


def test_waiting_ends_with_the_reason_when_its_process_has_died() -> None:
    def dead() -> None:
        raise ClusterError("etcd is not running any more")

    with pytest.raises(ClusterError, match="etcd is not running"):
        wait_until("never", lambda: False, limit=60, guard=dead)


@linux_only
@pytest.mark.skipif(shutil.which("setsid") is None, reason="needs setsid of util-linux")
def test_a_process_is_found_by_its_mark_and_stopped(tmp_path: Path) -> None:
    processes = Processes(tmp_path, tmp_path / "logs")
    started = processes.start("sleeper", ["sleep", "60"])
    found = Processes(tmp_path, tmp_path / "logs").find("sleeper")
    assert found == started
    processes.require("sleeper")
    processes.stop()
    assert list(processes.all()) == []
    with pytest.raises(ClusterError, match="sleeper is not running any more"):
        processes.require("sleeper")


@linux_only
@pytest.mark.skipif(shutil.which("setsid") is None, reason="needs setsid of util-linux")
@pytest.mark.parametrize("begin", ["", "sleep 0.2; "])
def test_a_process_that_ends_at_once_is_an_error_with_the_end_of_its_log(
    begin: str, tmp_path: Path
) -> None:
    processes = Processes(tmp_path, tmp_path / "logs")
    with pytest.raises(ClusterError, match="no such flag"):
        processes.start("short", ["sh", "-c", f"{begin}echo no such flag; exit 2"])


@pytest.fixture
def images(tmp_path: Path) -> Iterator[tuple[str, http.client.HTTPConnection]]:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\x7fELF")
    reference = write_binary_image(tmp_path / "images", "pause", binary)
    assert references(tmp_path / "images", "pause") == {reference}

    class Handler(registry.Handler):
        images = tmp_path / "images"

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    yield reference, connection
    connection.close()
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_registry_gives_an_image_by_tag_then_its_parts_by_digest(
    images: tuple[str, http.client.HTTPConnection],
) -> None:
    reference, connection = images
    connection.request("GET", f"/v2/library/pause/manifests/{reference.partition(':')[2]}")
    answer = connection.getresponse()
    manifest = json.loads(answer.read())
    assert answer.status == 200
    for part in (manifest["config"], *manifest["layers"]):
        connection.request("GET", f"/v2/library/pause/blobs/{part['digest']}")
        answer = connection.getresponse()
        assert len(answer.read()) == part["size"]


@pytest.mark.parametrize(
    "path", ["library/pause/manifests/other", "library/nginx/manifests/latest", "../x/blobs/y"]
)
def test_what_the_registry_does_not_have_does_not_exist(
    images: tuple[str, http.client.HTTPConnection], path: str
) -> None:
    _, connection = images
    connection.request("GET", f"/v2/{path}")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 404


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_certificates_pass_the_strict_checks_of_new_pythons(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path / "pki")
    certificates.issue_all()
    authority = certificates.certificate("ca")
    context = ssl.create_default_context(cafile=str(authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_cert_chain(certificates.certificate("admin"), certificates.key("admin"))
    for name in ("apiserver", "admin", "node-1", "kube-proxy"):
        checked = subprocess.run(
            [
                "openssl",
                "verify",
                "-x509_strict",
                "-CAfile",
                authority,
                certificates.certificate(name),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stderr
