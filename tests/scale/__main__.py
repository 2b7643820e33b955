"""`make bench-operator`: many runs at once, their whole life; it prints, and has no thresholds."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from cluster.clock import step
from cluster.errors import ClusterError
from scale.lab import Lab, lab
from scale.timeline import Life, read, spread

PROGRESS_SECONDS = 5


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m scale", description=__doc__)
    parser.add_argument("--runs", type=int, default=500, help="how many at once")
    parser.add_argument(
        "--seconds", type=int, default=60, help="how long a steady state is watched"
    )
    parser.add_argument("--limit", type=int, default=1500, help="the longest wait for a phase")
    chosen = parser.parse_args(arguments)
    # Who is told to end takes down first what it has started.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        with lab() as place:
            measure(place, chosen.runs, chosen.seconds, chosen.limit)
    except ClusterError as error:
        print(f"scale: {error}", file=sys.stderr)
        return 1
    return 0


def measure(place: Lab, count: int, seconds: int, limit: int) -> None:
    """Go through the life of many runs; print what it costs."""
    crowd = [f"crowd{number:04}" for number in range(count)]
    with step("one run alone, from apply to released"):
        alone(place, "alone0", ended=0, running=0)
    costs(place, "with one run that ended")
    with step(f"{count} runs, from apply to Running"):
        place.submit_all(crowd)
        place.until("Running", count, limit=limit)
    costs(place, f"with {count} runs that fit")
    steady(place, f"{count} runs fit", seconds)
    with step(f"one run more, beside {count}"):
        alone(place, "alone1", ended=1, running=count)
    with step(f"{count} runs, from the runners' end to released"):
        place.end(crowd)
        place.until("Succeeded", count + 2, limit=limit)
    costs(place, f"with {count} runs that ended")
    steady(place, "all have ended", seconds)
    tell(read(place.plane.audit).lives, crowd)


def alone(place: Lab, name: str, *, ended: int, running: int) -> None:
    """Have one run go through its life."""
    place.submit(name, "lab-0")
    place.until("Running", running + 1, limit=120)
    place.end([name])
    place.until("Succeeded", ended + 1, limit=120)


def costs(place: Lab, when: str) -> None:
    """Print what both controllers have taken so far."""
    for one in (place.operator, place.dask):
        cost = one.cost()
        print(
            f"          {one.name:<9} {when}: {cost.memory} MiB, at most {cost.peak} MiB, "
            f"{cost.cpu:.1f} s CPU so far"
        )


def steady(place: Lab, what: str, seconds: int) -> None:
    """Watch a state in which nothing but progress changes."""
    # What led here is still being written down.
    time.sleep(2 * PROGRESS_SECONDS)
    before, began = place.operator.counts(), time.monotonic()
    cpu, size = place.operator.cost().cpu, Path(place.plane.audit).stat().st_size
    dask = place.dask.cost().cpu
    time.sleep(seconds)
    after, took = place.operator.counts(), time.monotonic() - began

    def more(name: str) -> float:
        return (after.get(name, 0) - before.get(name, 0)) / took

    passes = more('modelrun_passes_total{outcome="done"}')
    writes = more("modelrun_status_writes_total")
    used = (place.operator.cost().cpu - cpu) / took
    print(
        f"          {what}, for {took:.0f} s: {passes:.1f} passes/s, {writes:.2f} status writes/s, "
        f"{100 * used:.0f} % of a core ({1000 * used / max(passes, 0.1):.1f} ms a pass); the Dask "
        f"controller {100 * (place.dask.cost().cpu - dask) / took:.0f} %; audit log "
        f"{(place.plane.audit.stat().st_size - size) / took / 1024:.0f} kB/s"
    )


def tell(lives: dict[str, Life], crowd: list[str]) -> None:
    """Print how long what took: median / 95 % / most."""
    spans = (
        ("apply to first pod", "applied", "first_pod"),
        ("runner's end to the order that workers go", "runner_ended", "scaled"),
        ("that order to the last worker gone", "scaled", "workers_gone"),
        ("runner's end to the last worker gone", "runner_ended", "workers_gone"),
        ("runner's end to the final status", "runner_ended", "released"),
    )
    for group, names in (("alone", ["alone0"]), ("beside the crowd", ["alone1"]), ("crowd", crowd)):
        print(f"{group}: median / 95 % / most (how many)")
        for what, first, second in spans:
            values = [lives[name].between(first, second) for name in names]
            print(f"          {what}: {spread(values)}")
    writes = [len(lives[name].status_writes) for name in crowd]
    print(
        f"status writes of a run in its whole life: {min(writes)} to {max(writes)}, "
        f"mean {sum(writes) / len(writes):.1f}"
    )
    gaps = [
        later - earlier
        for name in crowd
        for earlier, later in zip(
            lives[name].status_writes, lives[name].status_writes[1:], strict=False
        )
    ]
    close = sum(gap < PROGRESS_SECONDS - 0.5 for gap in gaps)

    print(f"of {len(gaps)} writes after the first, {close} came sooner than progress may: news")


if __name__ == "__main__":
    sys.exit(main())
