"""The ConfigMap with the code of a run: whether it is to be written, and what it may not do.

Code defines a run as its spec does: it never changes under one that is there.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from modelrun.errors import UserMistake
from modelrun.remote.connection import Connection
from modelrun.remote.packing import Packed
from modelrun.remote.refusals import Changed, NotThere
from modelrun.remote.seen import Seen
from modelrun_api.identity import RUN_LABEL


def travels(
    connection: Connection,
    name: str | None,
    packed: Packed | None,
    *,
    run: str,
    before: Seen | None,
) -> bool:
    """Say whether the code is to be written; refuse code that would change under a run."""
    if name is None:
        return False
    try:
        there = connection.read(connection.core("configmaps", name))
    except NotThere:
        if packed is None:
            raise UserMistake(
                f"spec.code names the ConfigMap {name}, which is not in the namespace "
                f"{connection.namespace}, and nothing beside the file is its code; create it, or "
                "put the modules beside the file",
                field="spec.code.configMapName",
            ) from None
        return True
    if packed is None:
        return False
    same = all(
        (there.get(part) or {}) == packed.contents.get(part, {}) for part in ("data", "binaryData")
    )
    ours = (there["metadata"].get("labels") or {}).get(RUN_LABEL) == run
    if not ours:
        if same:
            return False
        raise UserMistake(
            f"the ConfigMap {name} holds other code than lies beside the file, and modelrun did "
            "not make it; name another in spec.code.configMapName, or delete that one",
            field="spec.code.configMapName",
        )
    if before is not None and not same:
        raise UserMistake(another_run(before.name, _differing(there, packed)))
    return True


def clear(connection: Connection, name: str, gone: Seen) -> None:
    """Delete the code of a run that is gone, before the garbage collector does.

    It may have decided to, and would take the code that is written now under the same name.
    """
    path = connection.core("configmaps", name)
    with suppress(NotThere, Changed):
        there = connection.read(path)["metadata"]
        owners = {str(one["uid"]) for one in there.get("ownerReferences") or ()}
        if gone.uid in owners:
            connection.delete(path, uid=str(there["uid"]))


def _differing(there: dict[str, Any], packed: Packed) -> list[str]:
    old: dict[str, Any] = there.get("data") or {}
    new: dict[str, Any] = packed.contents.get("data", {})
    names = sorted(name for name in {*old, *new} if old.get(name) != new.get(name))
    return [f"the code ({', '.join(names) or 'code.zip'})"]


def another_run(name: str, differing: list[str]) -> str:
    """Return the message about a file that would make a stored run another one."""
    listed = "".join(f"\n  {line}" for line in differing)
    return (
        f"there is a run {name} already, and what defines it does not change:{listed}\n"
        "Give the file another metadata.name (results.reuseFrom takes finished fits over), or "
        "submit it with --replace: that deletes the run and starts it anew; its stored fits stay, "
        "and those that are still valid are not computed again"
    )
