"""The shelf: a study is written to its folder when another process needs it, once, in a thread.

Fits that are computed in this process read the study in memory. Worker processes and the audit
open the folder; whoever knows first that there are any begins to write, whoever needs the folder
waits for it.
"""

from __future__ import annotations

import threading
from pathlib import Path

from modelrun.plan import study_files
from modelrun.plan.study import Study


class Shelf:
    """One study and its folder."""

    def __init__(self, study: Study) -> None:
        """Remember the study; nothing is written yet."""
        self._study = study
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    def begin(self) -> None:
        """Begin to write, unless that was done before."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="modelrun-study")
                self._thread.start()

    def folder(self) -> Path:
        """Return the folder once the study is there.

        Raises:
            OSError: It could not be written.
        """
        self.begin()
        assert self._thread is not None
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._study.folder

    def _write(self) -> None:
        try:
            study_files.write(self._study)
        except BaseException as error:
            self._error = error
