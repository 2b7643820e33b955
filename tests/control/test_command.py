"""The operator's command: help that teaches, and `render` without a cluster."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from modelrun_operator.cli import command
from modelrun_operator.settings import PREFIX, Settings
from support.world import PROFILE, a_spec


def helped(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        command([*words, "--help"])
    assert ended.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def test_help_shows_commands_and_examples(capsys):
    said = helped(capsys)
    assert "modelrun-operator render modelrun.yaml --profile profile.yaml" in said
    assert "run | render" in said


def test_help_of_run_lists_every_setting_and_flag_with_its_default(capsys):
    said = helped(capsys, "run")
    for name in Settings.__slots__:
        assert PREFIX + name.upper() in said
    for flag in ("--namespace", "--standalone", "--health-port", "--metrics-port", "--log-format"):
        assert flag in said
    assert "default: 8080" in said
    assert "all namespaces" in said


def files(folder: Path, **changes: object) -> list[str]:
    run = {
        "apiVersion": "modelrun.dev/v1alpha1",
        "kind": "ModelRun",
        "metadata": {"name": "study"},
        "spec": a_spec(**changes),
    }
    (folder / "run.yaml").write_text(yaml.safe_dump(run))
    (folder / "profile.yaml").write_text(yaml.safe_dump(PROFILE))
    return ["render", str(folder / "run.yaml"), "--profile", str(folder / "profile.yaml")]


def test_render_prints_every_object_and_no_key(tmp_path, capsys):
    assert command([*files(tmp_path), "--namespace", "lab"]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    kinds = [one["kind"] for one in printed]
    assert sorted(set(kinds)) == ["ConfigMap", "DaskCluster", "Job", "NetworkPolicy", "Secret"]
    assert {one["metadata"]["namespace"] for one in printed} == {"lab"}
    (secret,) = [one for one in printed if one["kind"] == "Secret"]
    assert "PRIVATE" not in str(secret)


def test_render_says_why_a_run_would_be_refused(tmp_path, capsys):
    cluster = {"profileName": "c5", "nodes": 11}
    assert command(files(tmp_path, cluster=cluster)) == 2
    assert "spec.cluster.nodes is 11" in capsys.readouterr().err


def test_render_says_which_file_is_missing(tmp_path, capsys):
    words = files(tmp_path)
    (tmp_path / "profile.yaml").unlink()
    assert command(words) == 2
    assert "profile.yaml" in capsys.readouterr().err


def test_a_setting_that_is_none_ends_it_with_its_name(monkeypatch, capsys):
    monkeypatch.setenv("MODELRUN_OPERATOR_RESYNC", "5")
    assert command(["run"]) == 2
    assert "MODELRUN_OPERATOR_RESYNC is no setting" in capsys.readouterr().err
