"""The commands for the first minutes: a starter file, the schema, the CRDs, versions."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Final

from modelrun.errors import UserMistake

PACKAGES: Final = (
    "modelrun",
    "statsmodels",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "patsy",
    "joblib",
    "dask",
    "distributed",
)
"""Packages whose versions decide about numbers or about how they are computed."""

SCHEMA_ADDRESS: Final = (
    "https://raw.githubusercontent.com/modelrun/modelrun/main/app/examples/modelrun.schema.json"
)

STARTER: Final = """\
# yaml-language-server: $schema=SCHEMA
#
# A first run: `modelrun plan FILE`, then `modelrun run FILE`.
apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata:
  name: first-run
spec:
  data:
    dataset: french                  # real data that comes along; `modelrun datasets` lists more
    # uri: mydata.parquet            # your own: parquet, csv or arrow; s3:// and https:// work too
    where: "date >= '1990-01-01'"    # as in pandas.DataFrame.query
  models:                            # every model is fitted to every slice
  - name: capm
    estimator: OLS                   # any estimator under its statsmodels name
    formula: "excess ~ mkt"
    fit: {cov_type: HC3}             # keywords of statsmodels' fit
  - name: three-factor
    estimator: OLS
    formula: "excess ~ mkt + smb + hml"
    fit: {cov_type: HC3}
  slices:
    by: [portfolio]                  # one fit for each value of these columns
    window: {column: date, size: 5Y, step: 1Y}    # and for each window of time
  results:                           # only what is asked for is computed
    coefficients: [estimate, std_error, p_value, conf_low, conf_high]
    fits: [nobs, r_squared, aic]
"""


def init(file: Path, *, force: bool) -> int:
    """Write the starter file.

    Raises:
        UserMistake: The file exists and `force` is not set, or cannot be written.
    """
    if file.exists() and not force:
        raise UserMistake(f"{file} exists; take another name, or --force to overwrite it")
    text = STARTER.replace("SCHEMA", SCHEMA_ADDRESS).replace("FILE", str(file))
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserMistake(f"{file} cannot be written: {error.strerror}") from error
    print(f"wrote {file}. Next: modelrun plan {file}")
    return 0


def schema() -> int:
    """Print the JSON schema."""
    from modelrun_api.schema import json_schema

    json.dump(json_schema(), sys.stdout, indent=2)
    print()
    return 0


def crd() -> int:
    """Print both CRDs as YAML."""
    from modelrun_api.crd import crd_yaml

    print(crd_yaml(), end="")
    return 0


def version(*, as_json: bool) -> int:
    """Print versions."""
    versions = {"python": sys.version.split()[0]}
    versions |= {name: metadata.version(name) for name in PACKAGES}
    if as_json:
        print(json.dumps(versions, indent=2))
    else:
        for name, text in versions.items():
            print(f"{name:<14}{text}")
    return 0
