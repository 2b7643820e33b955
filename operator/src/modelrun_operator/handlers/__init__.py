"""Where events come in and loops run: kopf's watches, one loop a run, the little HTTP server.

No rule about runs stands here.
"""

import sys

_UNUSED = ("kubernetes_asyncio", "pykube")
"""Clients that kopf imports where it finds them, only to know their objects by type.

dask-kubernetes brings both along, and they are a third of the memory of an idle operator.
"""

_hidden = [name for name in _UNUSED if name not in sys.modules]
sys.modules.update(dict.fromkeys(_hidden))  # type: ignore[arg-type]  # None: no such module
try:
    import kopf  # noqa: F401
finally:
    for _name in _hidden:
        del sys.modules[_name]
