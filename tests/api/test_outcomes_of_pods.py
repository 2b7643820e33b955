"""Pods are believed only within limits, and what they say fits the kubelet's 4096 bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrun_api.outcome import (
    Pilot,
    PreflightOutcome,
    RunOutcome,
    read_outcome,
    read_preflight,
    read_progress,
    termination_message,
)
from modelrun_api.status import FailureGroup

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=2048)


@given(
    TEXT,
    st.lists(
        st.builds(
            FailureGroup,
            reason=st.just("Timeout"),
            count=st.integers(0, 9),
            example=st.text(max_size=512).filter(lambda t: t.isprintable()),
        ),
        max_size=20,
    ),
)
def test_the_message_of_a_runner_always_fits(message, failures):
    text = termination_message(
        RunOutcome(exit_code=3, message=message, failures=failures, uri="s3://" + "x" * 2000)
    )
    assert len(text.encode()) <= 4096
    assert read_outcome(text).exit_code == 3


@given(st.lists(TEXT, max_size=50), st.lists(st.text(max_size=128), max_size=200))
def test_the_message_of_a_preflight_always_fits(problems, columns):
    outcome = PreflightOutcome(
        ok=False,
        problems=problems,
        columns=[c for c in columns if c.isprintable()],
        pilot=Pilot(seconds_per_fit=0.001),
    )
    text = termination_message(outcome)
    assert len(text.encode()) <= 4096
    read = read_preflight(text)
    assert not read.ok
    assert bool(read.problems) == bool(problems)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"exitCode": 256}',
        '{"exitCode": 0, "fits": {"total": -1}}',
        '{"exitCode": 0, "fits": {"total": 1e300}}',
        '{"exitCode": 0, "message": "' + "x" * 5000 + '"}',
        '{"exitCode": 0, "uri": 5}',
    ],
)
def test_what_breaks_a_rule_counts_as_absent(text):
    assert read_outcome(text) is None


def test_what_a_newer_image_adds_is_ignored():
    outcome = read_outcome('{"exitCode": 0, "fits": {"total": 3, "fresh": 1}, "news": {}}')
    assert outcome.fits.counts().total == 3


def test_progress_is_read_as_the_runner_serves_it():
    document = {
        "stage": "fitting",
        "fits": {
            "total": 9,
            "done": 4,
            "succeeded": 4,
            "notConverged": 0,
            "failed": 0,
            "skipped": 0,
            "reused": 2,
        },
        "workers": 2,
        "fitsPerSecond": 12.5,
        "secondsLeft": None,
    }
    report = read_progress(json.dumps(document).encode())
    assert (report.fits.done, report.workers, report.fits_per_second) == (4, 2, 12.5)
    assert read_progress(b'{"fitsPerSecond": NaN}') is None
    assert read_progress(b"{" + b" " * 20_000 + b"}") is None
