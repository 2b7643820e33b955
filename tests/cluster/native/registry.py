"""A registry that hands out the images of this machine, and takes none.

The nodes ask it for every image, whatever its name; what is not here does not exist for them.
Started as a daemon: ``python3 -m cluster.native.registry ADDRESS PORT FOLDER``.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cluster.native.images import LAYOUT

ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs)/(?P<what>[^/]+)")


class Handler(BaseHTTPRequestHandler):
    """The pull side of the OCI distribution protocol, over a folder of image layouts."""

    protocol_version = "HTTP/1.1"
    images: Path

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        if path.rstrip("/") == "/v2":
            self._send(200, "application/json", b"{}", body=body)
            return
        route = ROUTE.fullmatch(path)
        found = self._find(**route.groupdict()) if route else None
        if found is None:
            reason = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": f"{path} is not here"}]}
            self._send(404, "application/json", json.dumps(reason).encode(), body=body)
            return
        media_type, blob = found
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(blob.stat().st_size))
        self.send_header("Docker-Content-Digest", f"sha256:{blob.name}")
        self.end_headers()
        if body:
            with blob.open("rb") as content:
                shutil.copyfileobj(content, self.wfile, 1 << 20)

    def _find(self, name: str, kind: str, what: str) -> tuple[str, Path] | None:
        """Return the media type and the file of a manifest or blob."""
        short = name.removeprefix("library/")
        layout = self.images / short
        if "/" in short or ".." in short or not (layout / "index.json").exists():
            return None
        if kind == "blobs":
            blob = layout / "blobs" / "sha256" / what.removeprefix("sha256:")
            return ("application/octet-stream", blob) if blob.exists() else None
        for manifest in json.loads((layout / "index.json").read_text())["manifests"]:
            names = (manifest["digest"], manifest.get("annotations", {}).get(LAYOUT))
            if what in names or f"{short}:{what}" in names:
                blob = layout / "blobs" / "sha256" / manifest["digest"].removeprefix("sha256:")
                return manifest["mediaType"], blob
        return None

    def _send(self, status: int, media_type: str, content: bytes, *, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


def main(address: str, port: str, folder: str) -> None:
    """Serve until the process is ended."""
    Handler.images = Path(folder)
    ThreadingHTTPServer((address, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
