"""A fit alone in a fresh process: the trial before a fit is convicted of killing its worker.

A fit can be innocent although it was noted when the process died: an earlier one may have left a
timer or a damaged heap. So the suspect runs once more, alone, in a process that has done nothing
else, started by a worker that only waits. The worker itself does not die of it.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from modelrun.backends import recorder
from modelrun.backends.verdict import Died, Verdict
from modelrun.plan.task import Task

if TYPE_CHECKING:
    from modelrun.backends.worker import Terms

START_SECONDS = 120.0
"""The longest that the process may take before its first fit, imports and study included."""
_POLL_SECONDS = 0.05


def confirm(blob: bytes, task: Task, terms: Terms, *, worker: str) -> Verdict:
    """Run a task of one fit in a fresh process and say how it ended.

    Args:
        blob: The pickled pair (work, terms).
        task: The task of one fit.
        terms: Limits of time and memory.
        worker: The name of the worker, for the records.
    """
    home = recorder.folder(terms.token)
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="alone-", dir=home))
    try:
        (folder / "call").write_bytes(pickle.dumps((blob, task, worker)))
        process = subprocess.Popen(
            [sys.executable, "-m", "modelrun.backends.alone", str(folder)],
            stdin=subprocess.PIPE,  # its end tells the child that we are gone
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        try:
            cause, detail = _watch(process, folder / "note", terms)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(timeout=30)
            if process.stdin is not None:
                process.stdin.close()
        answer = folder / "answer"
        if cause == "exit" and answer.exists():
            result: Verdict = pickle.loads(answer.read_bytes())  # noqa: S301 - our own bytes
            return result
        return Died(process.returncode, cause, detail, worker)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _watch(process: subprocess.Popen[bytes], file: Path, terms: Terms) -> tuple[str, str]:
    """Wait for the process under the limits of time and memory."""
    from modelrun.backends.nanny import anonymous_memory

    begin = time.monotonic()
    while process.poll() is None:
        time.sleep(_POLL_SECONDS)
        now = time.monotonic()
        note = recorder.read(file)
        started = note is not None and (note.fit != recorder.NO_FIT or note.finished)
        if note is not None and note.overdue(now, terms.grace):
            process.kill()
            return "time", f"{now - note.start:.1f} s, limit {note.limit:g} s"
        if not started and now - begin > START_SECONDS:
            process.kill()
            return "exit", f"its process did not come to the fit within {START_SECONDS:g} s"
        used = anonymous_memory(process.pid) if terms.memory_limit else 0
        if used > terms.memory_limit:
            process.kill()
            return "memory", f"{used >> 20} MiB, limit {terms.memory_limit >> 20} MiB"
    return "exit", ""


def main(folder: Path) -> None:
    """Run the call that lies in the folder and leave the answer there."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    from modelrun.backends import worker as worker_side

    blob, task, worker = pickle.loads((folder / "call").read_bytes())  # noqa: S301 - our own bytes
    note = recorder.start(folder / "note", address=worker)
    work, _ = worker_side.load(blob)
    note.begin(1)
    # as in a worker, the fit does not run in the main thread
    done: list[Verdict] = []
    thread = threading.Thread(
        target=lambda: done.append(worker_side.execute(work, task, worker=worker))
    )
    thread.start()
    thread.join()
    part = folder / "answer.part"
    part.write_bytes(pickle.dumps(done[0]))
    part.rename(folder / "answer")
    os._exit(0)


def _end_with_parent() -> None:
    """Die when the worker that started this process is gone."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
