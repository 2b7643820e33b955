"""What is missing on a machine is said once, clearly, before anything is started."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from cluster.__main__ import main
from cluster.errors import ClusterError
from cluster.native.addresses import Ports
from cluster.native.binaries import require_go
from cluster.native.preconditions import require_ports


def test_without_root_the_native_cluster_says_so_and_names_the_way_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MODELRUN_CLUSTER_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["--provider", "native", "up"]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "needs root" in said
    assert "sudo" in said
    assert "kind" in said


def test_without_go_the_message_says_which_version_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClusterError, match=r"Go is not installed; install Go 1\.\d+ or later"):
        require_go()


def test_a_busy_port_is_named_with_its_holder_and_the_variable_that_changes_it() -> None:
    with socket.create_server(("0.0.0.0", 0)) as busy:
        port = busy.getsockname()[1]
        free = [port + 1, port + 2, port + 3]
        with pytest.raises(ClusterError) as caught:
            require_ports(Ports(port, *free))
    assert f"port {port} is in use by process {os.getpid()}" in str(caught.value)
    assert "MODELRUN_CLUSTER_API_PORT" in str(caught.value)


def test_a_missing_builder_of_kind_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("MODELRUN_CLUSTER_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--provider", "kind", "up"]) == 1
    said = capsys.readouterr().err
    assert "missing on the path: docker, kind, kubectl" in said
    assert "MODELRUN_CLUSTER_PROVIDER=native" in said
