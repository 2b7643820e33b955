"""The claim: a location holds the results of one study, and says which."""

from __future__ import annotations

import json

from modelrun.errors import UserMistake
from modelrun.store.place import Place

FILE = "study.json"


def claimed_by(place: Place) -> str | None:
    """Return the name of the study at a location, None where there is none.

    Raises:
        UserMistake: There is a claim that nobody can read.
    """
    content = place.read(FILE)
    if content is None:
        return None
    try:
        return str(json.loads(content)["name"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserMistake(
            f"{place.show(FILE)} does not say which study lies there; restore it, or choose "
            "another place with results.to or --to",
            field="spec.results.to",
        ) from error


def check(place: Place, name: str) -> None:
    """Refuse a location of another study; nothing is written.

    Raises:
        UserMistake: The location holds another study.
    """
    other = claimed_by(place)
    if other is not None and other != name:
        raise UserMistake(
            f"{place.uri} holds the study {other!r}, this file is {name!r}: a location holds one "
            "study. Choose another place with results.to or --to, or take metadata.name "
            f"{other!r} if it is the same study; to take over its fits, name {place.uri} in "
            "results.reuseFrom. Nothing there was changed",
            field="metadata.name",
        )


def claim(place: Place, name: str) -> None:
    """Make a location that of a study.

    Raises:
        UserMistake: The location holds another study.
    """
    document = {"apiVersion": "modelrun.dev/v1alpha1", "name": name}
    if claimed_by(place) is None and place.create(FILE, json.dumps(document).encode() + b"\n"):
        return
    check(place, name)
