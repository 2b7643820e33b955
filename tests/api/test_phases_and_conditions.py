"""Phases follow a table; a condition keeps the time of its last real change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelrun_api.conditions import ConditionType, condition_of, is_true, with_condition
from modelrun_api.phase import (
    HOLDS_CLUSTER,
    TERMINAL,
    TRANSITIONS,
    UNFINISHED,
    IllegalTransitionError,
    Phase,
    check_transition,
    is_legal,
)
from modelrun_api.reason import CURABLE, FINAL_FAILURES, Reason
from modelrun_api.status import ModelRunStatus

NOON = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
PHASES = st.sampled_from(Phase)


def reachable(start: Phase) -> set[Phase]:
    seen, open_ = set(), [start]
    while open_:
        phase = open_.pop()
        if phase not in seen:
            seen.add(phase)
            open_.extend(TRANSITIONS[phase])
    return seen


def test_every_phase_is_reached_from_the_first():
    assert reachable(Phase.PENDING) == set(Phase)


@given(PHASES)
def test_from_every_unfinished_phase_some_path_leads_to_each_end(phase):
    if phase in UNFINISHED:
        assert reachable(phase) >= TERMINAL
    else:
        assert reachable(phase) == {phase}


@given(PHASES, PHASES)
def test_an_end_follows_only_winding_down(before, after):
    if after in TERMINAL and before is not after:
        assert is_legal(before, after) == (before is Phase.WINDING_DOWN)


def test_workers_exist_only_in_unfinished_phases():
    assert HOLDS_CLUSTER <= UNFINISHED
    assert set(Phase) == UNFINISHED | TERMINAL


def test_an_illegal_change_says_which_would_be_legal():
    with pytest.raises(IllegalTransitionError, match="ns/a went from Succeeded to Running"):
        check_transition(Phase.SUCCEEDED, Phase.RUNNING, run="ns/a")
    check_transition(Phase.RUNNING, Phase.RUNNING, run="ns/a")


def test_reasons_are_words_of_letters_that_name_one_thing():
    assert len({reason.value for reason in Reason}) == len(Reason)
    assert all(reason.value.isalpha() and reason.value[0].isupper() for reason in Reason)
    assert not CURABLE & FINAL_FAILURES


def test_setting_a_condition_again_keeps_its_time():
    first = with_condition((), ConditionType.BLOCKED, "True", Reason.UNSCHEDULABLE, now=NOON)
    later = NOON + timedelta(minutes=5)
    second = with_condition(
        first, ConditionType.BLOCKED, "True", Reason.IMAGE_PULL, "image x", now=later, generation=2
    )
    found = condition_of(second, ConditionType.BLOCKED)
    assert found.last_transition_time == NOON.replace(microsecond=0)
    assert (found.reason, found.message) == (Reason.IMAGE_PULL, "image x")
    third = with_condition(second, ConditionType.BLOCKED, "False", Reason.NOT_BLOCKED, now=later)
    assert condition_of(third, ConditionType.BLOCKED).last_transition_time == later.replace(
        microsecond=0
    )
    assert not is_true(third, ConditionType.BLOCKED)
    assert condition_of(third, ConditionType.COMPLETE) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(ConditionType),
            st.sampled_from(["True", "False", "Unknown"]),
            st.sampled_from(Reason),
        ),
        max_size=20,
    )
)
def test_there_is_one_condition_of_a_type_in_order_of_first_appearance(changes):
    conditions = ()
    for step, (type_, status, reason) in enumerate(changes):
        conditions = with_condition(
            conditions, type_, status, reason, now=NOON + timedelta(seconds=step)
        )
    types = [condition.type for condition in conditions]
    assert types == list(dict.fromkeys(type_ for type_, _, _ in changes))
    written = ModelRunStatus(conditions=conditions).document()
    assert (
        ModelRunStatus.model_validate_json(
            ModelRunStatus(conditions=conditions).model_dump_json(by_alias=True)
        ).document()
        == written
    )


def test_a_long_message_is_cut():
    conditions = with_condition(
        (), ConditionType.FAILED, "True", Reason.USER_MISTAKE, "x" * 9000, now=NOON
    )
    assert len(conditions[0].message) == 4096


def test_a_status_is_written_as_kubernetes_writes_it():
    status = ModelRunStatus(start_time=NOON)
    assert status.document()["startTime"] == "2026-03-01T12:00:00Z"
