"""The commands that speak to a cluster: hand a file over, look after runs, fetch what came out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelrun.errors import Stopped
from modelrun.remote.access import Access
from modelrun.remote.connection import Connection
from modelrun.remote.runs import Runs
from modelrun.remote.seen import Seen

PIPE_WIDTH: Final = 160

if TYPE_CHECKING:
    from modelrun.remote.logs import Role
    from modelrun.remote.submission import Submission, Submitted


def submit(
    file: Path, access: Access, *, dry_run: bool, replace: bool, watching: bool, as_json: bool
) -> int:
    """Hand a file over, and follow the run where that is wanted."""
    from modelrun.remote import submission
    from modelrun_api.loader import load

    made = submission.prepare(load(file), file.resolve().parent)
    namespace = made.run.metadata.namespace
    if access.namespace is None and namespace is not None:
        access = Access(namespace, access.context, access.kubeconfig)
    connection = Connection.open(access)
    done = submission.submit(connection, made, dry_run=dry_run, replace=replace)
    if as_json and not (watching and not dry_run):
        _print_json(_submitted(made, done, dry_run=dry_run))
    elif not as_json:
        _tell_submitted(made, done, dry_run=dry_run)
    if watching and not dry_run:
        return watch(done.run.name, access, as_json=as_json)
    return 0


def status(name: str | None, access: Access, *, everywhere: bool, as_json: bool) -> int:
    """Show one run on one screen, or all runs in a list."""
    runs = Runs(Connection.open(access))
    now = datetime.now(UTC)
    if name is not None:
        run = runs.get(name)
        if as_json:
            _print_json(_document(run, now))
        else:
            from modelrun.remote.screen import screen

            _print(screen(run, now=now))
        return 0
    found = runs.all(everywhere=everywhere)
    if as_json:
        _print_json([_document(run, now) for run in found])
        return 0
    if not found:
        where = "on the cluster" if everywhere else f"in the namespace {runs.connection.namespace}"
        print(f"there is no run {where}; `modelrun submit FILE` makes one")
        return 0
    from modelrun.remote.listing import table

    _print(table(found, now=now, everywhere=everywhere))
    return 0


def watch(name: str, access: Access, *, as_json: bool) -> int:
    """Follow a run to its end; the exit code says how it ended, as that of `run` does."""
    from modelrun.remote.verdict import failure, gone

    runs = Runs(Connection.open(access))
    last: Seen | None = None
    with _goes_on(name), _display(as_json=as_json) as show:
        for last in runs.follow(name, away=_warn):
            show(last)
            if last.finished:
                break
    assert last is not None
    if not last.finished:
        raise gone(name)
    error = failure(last, now=datetime.now(UTC))
    return 0 if error is None else error.exit_code


def logs(
    name: str, access: Access, *, role: Role | None, tail: int, follow: bool, as_json: bool
) -> int:
    """Print the logs of a run's pods, live ones or the tails that were kept."""
    from modelrun.remote.logs import logs as logs_of

    connection = Connection.open(access)
    run = Runs(connection).get(name)
    with _goes_on(name):
        for log in logs_of(connection, run, role=role, tail=tail, follow=follow):
            about = {"pod": log.pod, "role": log.role, "kept": log.kept}
            for text in log.lines if as_json else ():
                print(json.dumps({**about, "line": text}, ensure_ascii=False), flush=follow)
            if as_json:
                continue
            kept = ", gone; its last lines were kept" if log.kept else ""
            print(f"==> {log.pod} ({log.role or 'pod'}{kept}) <==", file=sys.stderr)
            for text in log.lines:
                print(text, flush=follow)
    return 0


def why(name: str, access: Access, *, as_json: bool) -> int:
    """Say why a run is not further, and what to do next."""
    from modelrun.remote.advice import answer

    run = Runs(Connection.open(access)).get(name)
    said = answer(run, now=datetime.now(UTC))
    if as_json:
        _print_json({"name": run.name, "phase": str(run.phase), **said.document()})
        return 0
    from modelrun.remote.screen import reasons

    _print(reasons(run, said))
    return 0


def cancel(name: str, access: Access, *, wait: bool, as_json: bool) -> int:
    """Delete a run; what it stored stays."""
    runs = Runs(Connection.open(access))
    run = runs.cancel(name)
    if wait:
        runs.wait_until_gone(run, seconds=60)
    fits = run.status.fits
    stored = f"; {fits.done:,} of {fits.total:,} fits are stored" if fits and fits.done else ""
    _tell(
        f"cancelled {name}{stored}. Submitting its file again goes on there",
        {"name": name, "cancelled": True},
        as_json=as_json,
    )
    return 0


def suspend(name: str, access: Access, *, suspended: bool, as_json: bool) -> int:
    """Suspend a run, or let it go on."""
    run, changed = Runs(Connection.open(access)).suspend(name, suspended=suspended)
    words = {
        (True, True): f"suspended {name}: the cluster goes, finished fits stay. "
        f"`modelrun resume {name}` goes on",
        (True, False): f"{name} is suspended already",
        (False, True): f"resumed {name}: it goes on where it stopped. "
        f"`modelrun watch {name}` follows it",
        (False, False): f"{name} is not suspended",
    }
    _tell(
        words[suspended, changed],
        {"name": name, "suspended": run.suspended, "changed": changed},
        as_json=as_json,
    )
    return 0


@contextmanager
def _goes_on(name: str) -> Iterator[None]:
    """Say what Ctrl-C did not do: the run is the cluster's, not this command's."""
    try:
        yield
    except KeyboardInterrupt:
        message = f"no longer looking at {name}; the run goes on (`modelrun cancel {name}` ends it)"
        raise Stopped(message, signal_number=2) from None


@contextmanager
def _display(*, as_json: bool) -> Iterator[Any]:
    """Give a function that shows each look at a run: a screen, lines, or JSON lines."""
    from rich.console import Console

    console = Console(highlight=False)
    if as_json or not console.is_terminal:
        from modelrun.remote.listing import line

        said: list[str] = []

        def show(run: Seen) -> None:
            now = datetime.now(UTC)
            text = json.dumps(_document(run, now)) if as_json else line(run, now=now)
            if as_json or text != (said[-1] if said else ""):
                said[:] = [text]
                print(text if as_json else f"{now.astimezone():%H:%M:%S}  {text}", flush=True)

        yield show
        return
    from rich.live import Live
    from rich.text import Text

    from modelrun.remote.screen import screen

    looks: list[Seen] = []

    def drawn() -> Any:
        return screen(looks[-1], now=datetime.now(UTC), watching=True) if looks else Text("…")

    with Live(get_renderable=drawn, console=console, refresh_per_second=2):
        yield looks.append


def _submitted(made: Submission, done: Submitted, *, dry_run: bool) -> dict[str, Any]:
    objects = [made.document]
    if made.packed is not None:
        objects.append(made.code_object(None))
    return {
        "name": done.run.name,
        "namespace": done.run.namespace,
        "verb": done.verb,
        "dryRun": dry_run,
        "changes": [str(change) for change in done.changed],
        "outlook": dict(done.outlook),
        **({"objects": objects} if dry_run else {"uid": done.run.uid}),
    }


def _tell_submitted(made: Submission, done: Submitted, *, dry_run: bool) -> None:
    from modelrun.remote.spoken import size

    would = "would be " if dry_run else ""
    print(f"{done.run.name} in {done.run.namespace}: {would}{done.verb}")
    for change in done.changed:
        print(f"  {change}")
    for title, text in done.outlook:
        print(f"  {title + ':':<9}{text}")
    if made.packed is not None:
        print(f"code: ConfigMap {made.code_name}, {size(made.packed.size)}")
        for name in made.packed.files:
            print(f"  {name}")
    if dry_run:
        print("the API server accepts it; --output json prints the objects")
    else:
        print(f"next: modelrun watch {done.run.name}")


def _document(run: Seen, now: datetime) -> dict[str, Any]:
    from modelrun.remote.advice import answer

    return {
        "name": run.name,
        "namespace": run.namespace,
        "uid": run.uid,
        "created": run.created.isoformat(),
        "phase": str(run.phase),
        "suspended": run.suspended,
        "deleting": run.deleting,
        "status": run.status.document(),
        "why": answer(run, now=now).document(),
    }


def _tell(text: str, document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        _print_json(document)
    else:
        print(text)


def _warn(message: str) -> None:
    print(f"still trying: {message}", file=sys.stderr)


def _print_json(value: Any) -> None:
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    print()


def _print(shown: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        # Nobody looks at the width of a pipe; names stay whole for grep.
        console.width = PIPE_WIDTH
    console.print(shown)
