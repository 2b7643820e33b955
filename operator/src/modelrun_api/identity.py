"""What the resources are called: one place for every name that other systems see."""

from __future__ import annotations

from typing import Final

GROUP: Final = "modelrun.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

RUN_KIND: Final = "ModelRun"
RUN_PLURAL: Final = "modelruns"
RUN_SHORT_NAME: Final = "mrun"

PROFILE_KIND: Final = "ModelRunProfile"
PROFILE_PLURAL: Final = "modelrunprofiles"
PROFILE_SHORT_NAME: Final = "mrprofile"

FIELD_MANAGER: Final = "modelrun-operator"
RUN_LABEL: Final = f"{GROUP}/run"
RUN_UID_LABEL: Final = f"{GROUP}/run-uid"
ROLE_LABEL: Final = f"{GROUP}/role"
INCARNATION_LABEL: Final = f"{GROUP}/incarnation"
