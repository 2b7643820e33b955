"""Running other programs: always with a time limit, and with a message when they fail."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cluster.errors import ClusterError


def run(
    arguments: Sequence[str | Path],
    *,
    limit: float = 60,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a program and return its output as text.

    Args:
        arguments: Program and arguments; no shell is involved.
        limit: Seconds after which the program is ended.
        stdin: Text for its standard input; it gets none by default.
        env: Variables added to this process's environment.
        folder: Working directory.
        check: Whether an exit code other than 0 is an error.

    Raises:
        ClusterError: The program is missing, took too long, or failed while `check` is set.
    """
    words = [str(a) for a in arguments]
    shown = shlex.join(words)
    try:
        done = subprocess.run(
            words,
            input=stdin if stdin is not None else "",
            text=True,
            capture_output=True,
            timeout=limit,
            env={**os.environ, **(env or {})},
            cwd=folder,
            check=False,
        )
    except FileNotFoundError:
        raise ClusterError(f"{words[0]} is not installed (needed for: {shown}).") from None
    except subprocess.TimeoutExpired:
        raise ClusterError(f"{shown} did not end within {limit:.0f} s.") from None
    if check and done.returncode != 0:
        said = tail_of(done.stderr.strip() or done.stdout.strip())
        raise ClusterError(f"{shown} ended with code {done.returncode}:\n{said}")
    return done


def run_logged(
    arguments: Sequence[str | Path],
    log: Path,
    *,
    limit: float,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> None:
    """Run a long program with all its output in the file `log`.

    Raises:
        ClusterError: It failed or took too long; the message ends with the log's last lines.
    """
    words = [str(a) for a in arguments]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        output.write("$ " + shlex.join(words) + "\n")
        output.flush()
        try:
            code = subprocess.run(
                words,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=limit,
                env={**os.environ, **(env or {})},
                cwd=folder,
                check=False,
            ).returncode
        except FileNotFoundError:
            raise ClusterError(f"{words[0]} is not installed.") from None
        except subprocess.TimeoutExpired:
            raise ClusterError(
                f"{words[0]} did not end within {limit:.0f} s. What it finished is kept, so the "
                f"same command goes on from there; {log} ends with:\n{tail(log)}"
            ) from None
    if code != 0:
        raise ClusterError(f"{words[0]} ended with code {code}; {log} ends with:\n{tail(log)}")


def tail_of(text: str, lines: int = 25) -> str:
    """Return the last `lines` lines of a text, indented."""
    return "\n".join("    " + line for line in text.splitlines()[-lines:])


def tail(log: Path, lines: int = 25) -> str:
    """Return the last lines of a log file, indented; says so when there is none."""
    if not log.exists():
        return f"    (no {log})"
    with log.open("rb") as handle:
        handle.seek(max(0, log.stat().st_size - 64 * 1024))
        return tail_of(handle.read().decode(errors="replace"), lines)
