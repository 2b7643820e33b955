"""The generated documents without the app: `python -m modelrun_api crd [--write FOLDER] | schema`.

With a folder, the files that the chart carries are written anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from modelrun_api.crd import crd_files, crd_yaml
from modelrun_api.schema import json_schema


def main(arguments: list[str]) -> int:
    """Print the document that is asked for, or write the CRD files into a folder."""
    match arguments:
        case ["crd"]:
            sys.stdout.write(crd_yaml())
        case ["schema"]:
            sys.stdout.write(json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n")
        case ["crd", "--write", folder]:
            for name, text in crd_files().items():
                target = Path(folder) / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text, encoding="utf-8")
        case _:
            sys.stderr.write("use: python -m modelrun_api crd [--write FOLDER] | schema\n")
            return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
