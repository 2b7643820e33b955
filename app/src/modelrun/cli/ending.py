"""How a command ends: its exit code, and one clear message instead of a traceback.

The codes are a contract with the operator: 0 done, 1 a bug of ours, 2 the user's mistake, 3 more
failures than allowed, 75 infrastructure, 130 and 143 stopped by a signal.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from modelrun.errors import ModelrunError


def main() -> NoReturn:
    """Run the command line and exit with the designed code."""
    debug = "--debug" in sys.argv
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for them reads 300 files
    sys.argv = completed(sys.argv)
    try:
        result = _command()
    except KeyboardInterrupt:
        _say("stopped by SIGINT before the run began")
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except BaseException as error:
        code = _code(error, debug=debug)
    else:
        code = result if isinstance(result, int) else 0
    sys.stdout.flush()
    gc.freeze()  # at the end, Python would search all for garbage, for half a second
    sys.exit(code)


def _command() -> object:
    from modelrun.cli import plain

    run = plain.read(sys.argv[1:])
    if run is None:
        from modelrun.cli.app import app

        return app(standalone_mode=False)
    from modelrun.cli import fitting

    return fitting.run(run.file, run.options, show=run.show, as_json=False)


def completed(words: list[str]) -> list[str]:
    """Return the command line with `all` where --retry-failed names no reason."""
    result: list[str] = []
    for word, following in zip(words, [*words[1:], "-"], strict=True):
        result.append(word)
        is_end = following.startswith("-") or following.endswith((".yaml", ".yml"))
        if word == "--retry-failed" and is_end:
            result.append("all")
    return result


def _code(error: BaseException, *, debug: bool) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 1
    if debug and not _is_of_click(error):
        raise error
    if isinstance(error, ModelrunError):
        _say(str(error), code=error.exit_code)
        return error.exit_code
    if _is_of_click(error):
        error.show()  # type: ignore[attr-defined]
        return int(getattr(error, "exit_code", 2))
    if type(error).__name__ == "SpecError":
        _say_as_is(_rendered(error))
        return 2
    _say(
        f"{type(error).__name__}: {error}\n"
        "This is a bug of modelrun. Run the command again with --debug and report what it prints."
    )
    return 1


def _is_of_click(error: BaseException) -> bool:
    return any(kind.__name__ in {"ClickException", "Exit", "Abort"} for kind in type(error).__mro__)


def _rendered(error: BaseException) -> str:
    problems = getattr(error, "problems", ())
    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    return "\n\n".join(problem.render(color=color) for problem in problems) or str(error)


def _say(message: str, *, code: int = 1) -> None:
    word = {75: "not finished", 130: "stopped", 143: "stopped"}.get(code, "error")
    _say_as_is(message if word == "stopped" else f"{word}: {message}")


def _say_as_is(message: str) -> None:
    print(message, file=sys.stderr)
