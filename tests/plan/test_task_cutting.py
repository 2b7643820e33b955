"""Tasks hold every fit once, are large first and small last, and start with the longest."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from modelrun.engines.patience import patiently
from modelrun.plan.task import Task
from modelrun.plan.tasks import cut, task_seconds


@settings(max_examples=80, deadline=None)
@given(
    counts=st.lists(st.integers(0, 3000), min_size=1, max_size=4),
    seconds=st.lists(st.floats(0, 20), min_size=4, max_size=4),
    workers=st.integers(0, 500),
    weighted=st.booleans(),
)
def test_every_fit_is_in_exactly_one_task(counts, seconds, workers, weighted) -> None:
    todo = {model: np.arange(0, 2 * n, 2) for model, n in enumerate(counts)}
    weights = {m: np.linspace(1, 9, len(fits)) for m, fits in todo.items()} if weighted else None
    tasks = list(
        cut(
            todo,
            seconds_per_fit=dict(enumerate(seconds[: len(counts)])),
            workers=lambda: workers,
            weights=weights,
        )
    )
    assert [task.number for task in tasks] == list(range(len(tasks)))
    for model, fits in todo.items():
        mine = [task.fits for task in tasks if task.model == model]
        together = np.concatenate(mine) if mine else np.zeros(0, np.int64)
        assert sorted(together.tolist()) == fits.tolist()
        assert all((np.diff(part) > 0).all() for part in mine)


def test_tasks_shrink_towards_the_end() -> None:
    tasks = list(cut({0: np.arange(2000)}, seconds_per_fit={0: 0.005}, workers=4))
    expected = [task.seconds for task in tasks]
    assert (np.diff(expected) < 1e-9).all()
    assert abs(sum(expected) - 10) < 1e-6
    assert max(expected) < 1.0 + 1e-9
    assert min(expected) <= 0.11


def test_the_longest_model_comes_first_where_durations_differ() -> None:
    todo = {0: np.arange(100), 1: np.arange(50)}
    order = [task.model for task in cut(todo, seconds_per_fit={0: 0.001, 1: 2.0}, workers=2)]
    assert order[:50] == [1] * 50
    assert set(order[50:]) == {0}
    alike = [task.model for task in cut(todo, seconds_per_fit={0: 0.01, 1: 0.02}, workers=2)]
    assert alike == sorted(alike)


def test_the_longest_slices_come_first_where_they_differ() -> None:
    weights = {0: np.array([1.0, 50.0, 2.0, 100.0])}
    tasks = list(cut({0: np.arange(4)}, seconds_per_fit={0: 5.0}, workers=2, weights=weights))
    assert [task.fits.tolist() for task in tasks] == [[3], [1], [2], [0]]


def test_more_workers_make_longer_tasks_for_the_one_scheduler() -> None:
    assert task_seconds(1e6, 8) == 1.0
    assert task_seconds(1e6, 1000) == 4.0
    assert task_seconds(0.0, 10) == 0.1
    assert task_seconds(0.0, 1000) == 2.0


def test_nothing_to_do_makes_no_tasks() -> None:
    assert list(cut({}, seconds_per_fit={}, workers=2)) == []
    assert list(cut({0: np.zeros(0, np.int64)}, seconds_per_fit={}, workers=2)) == []


def test_patience_ends_a_task_after_its_first_fit_at_the_earliest() -> None:
    task = Task(0, 0, np.array([4, 6, 9]))
    assert list(patiently(task)) == [4, 6, 9]
    assert list(patiently(Task(0, 0, task.fits, patience=-1.0))) == [4]
    assert task.part(1, task.fits[1:]).patience == task.patience
