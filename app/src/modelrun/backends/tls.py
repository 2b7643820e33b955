"""What Dask needs to know to encrypt its connections, from keywords that travel as JSON.

Apart from modelrun.backends.certificates, whose library takes a tenth of a second to load: whoever
uses certificates need not be able to issue them.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

from modelrun.backends import openssl_errors


def security(keywords: Mapping[str, Any]) -> Any:
    """Return the distributed.Security for the keywords of Certificates.security."""
    from distributed import Security

    openssl_errors.install()
    version = ssl.TLSVersion(keywords["tls_min_version"])
    return Security(**dict(keywords) | {"tls_min_version": version})  # type: ignore[no-untyped-call]
