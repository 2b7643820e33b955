"""Alerts by Prometheus' own judgement: they parse, fire when they should, and only then.

promtool says so (Debian has it in its package prometheus); where it is absent the tests are
skipped and say what is missing.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).resolve().parents[2] / "charts" / "modelrun"
ALERTS: list[dict[str, Any]] = yaml.safe_load((CHART / "files/alerts.yaml").read_text())["alerts"]
EVENING = "60m"

HEALTHY = {
    "modelrun_heartbeat_timestamp_seconds": "0+60x60",
    "modelrun_last_relist_timestamp_seconds": "0+60x60",
    'modelrun_passes_total{outcome="bug"}': "0x60",
    'modelrun_passes_total{outcome="done"}': "0+100x60",
    'modelrun_actions_total{action="Create",outcome="refused"}': "0x60",
    'modelrun_pass_seconds_bucket{le="0.1"}': "0+100x60",
    'modelrun_pass_seconds_bucket{le="10"}': "0+100x60",
    'modelrun_pass_seconds_bucket{le="60"}': "0+100x60",
    'modelrun_pass_seconds_bucket{le="+Inf"}': "0+100x60",
    'modelrun_runs{phase="Provisioning"}': "0+1x10 0x49",
    'modelrun_runs{phase="WindingDown"}': "1 0x59",
    "modelrun_status_writes_total": "0+10x60",
    "modelrun_loops": "3x60",
}
"""An hour of an operator that works, a sample a minute."""

TROUBLE = {
    "ModelrunOperatorDown": {"modelrun_heartbeat_timestamp_seconds": "0+60x30 1800x30"},
    "ModelrunOperatorBlind": {"modelrun_last_relist_timestamp_seconds": "0+60x30 1800x30"},
    "ModelrunOperatorBug": {'modelrun_passes_total{outcome="bug"}': "0x55 1x5"},
    "ModelrunRefused": {'modelrun_actions_total{action="Create",outcome="refused"}': "0x30 0+1x30"},
    "ModelrunSlowPasses": {
        'modelrun_pass_seconds_bucket{le="0.1"}': "0x60",
        'modelrun_pass_seconds_bucket{le="10"}': "0x60",
    },
    "ModelrunClusterNotComing": {'modelrun_runs{phase="Provisioning"}': "0x10 1x50"},
    "ModelrunNotReleased": {'modelrun_runs{phase="WindingDown"}': "0x10 1x50"},
    "ModelrunManyWrites": {"modelrun_status_writes_total": "0+300x60"},
}
"""What differs in that hour when an alert is right, by its name."""


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool here (apt-get install prometheus); alerts were checked with it")
    return found


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules as the template of the chart writes them into a PrometheusRule."""
    listed = [
        {
            "alert": one["alert"],
            "expr": one["expr"],
            "for": one["for"],
            "labels": {"severity": one["severity"]},
            "annotations": {"summary": one["summary"]},
        }
        for one in ALERTS
    ]
    path = tmp_path_factory.mktemp("rules") / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "modelrun", "rules": listed}]}))
    return path


def say(promtool: str, *arguments: str | Path) -> str:
    done = subprocess.run(
        [promtool, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def hour(rules: Path, series: dict[str, str], firing: list[str]) -> Path:
    """Write an hour for promtool: what was measured, and which alerts fire at its end."""
    expected = [
        {
            "eval_time": EVENING,
            "alertname": one["alert"],
            "exp_alerts": [
                {
                    "exp_labels": {"severity": one["severity"], **labels},
                    "exp_annotations": {"summary": one["summary"]},
                }
                for labels in ([{"action": "Create"}] if "by (action)" in one["expr"] else [{}])
                if one["alert"] in firing
            ],
        }
        for one in ALERTS
    ]
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": expected,
    }
    path = rules.with_name(f"{'-'.join(firing) or 'healthy'}.yaml")
    whole = {"rule_files": [rules.name], "evaluation_interval": "1m", "tests": [test]}
    path.write_text(yaml.safe_dump(whole))
    return path


def test_every_alert_has_an_hour_in_which_it_is_right() -> None:
    assert set(TROUBLE) == {one["alert"] for one in ALERTS}


def test_prometheus_takes_the_rules(promtool: str, rules: Path) -> None:
    assert f"{len(ALERTS)} rules found" in say(promtool, "check", "rules", rules)


def test_an_operator_that_works_alerts_nobody(promtool: str, rules: Path) -> None:
    say(promtool, "test", "rules", hour(rules, HEALTHY, []))


@pytest.mark.parametrize("name", sorted(TROUBLE))
def test_trouble_is_told_by_its_alert_and_by_no_other(
    name: str, promtool: str, rules: Path
) -> None:
    say(promtool, "test", "rules", hour(rules, {**HEALTHY, **TROUBLE[name]}, [name]))


def test_an_operator_that_was_never_there_is_told_too(promtool: str, rules: Path) -> None:
    say(promtool, "test", "rules", hour(rules, {}, ["ModelrunOperatorDown"]))
