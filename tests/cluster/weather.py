"""An API server in bad weather: a proxy beside the operator that answers for it now and then.

A share of the calls is refused (429, 500, a conflict), some are carried out and their answer is
lost, and watches break off. The operator in the same pod knows no other API server. The proxy
writes what it did to its log, one JSON object a line, so that a test can see that it rained.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from cluster.errors import ClusterError
from cluster.handle import RESTRICTED, Cluster
from cluster.operator import DEPLOYMENT, NAMESPACE

PORT = 8001
CONFIG = "weather"

PROXY = """
import asyncio, json, random, ssl
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount/"
SERVER = "https://kubernetes.default.svc"
PASSED = ("Content-Type", "Accept")
chance = random.Random(11)


def told(what, request, **more):
    print(json.dumps({"did": what, "method": request.method, "path": request.path, **more}),
          flush=True)


def answer(code, reason):
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
            "reason": reason, "message": "bad weather"}
    headers = {"Retry-After": "1"} if code == 429 else {}
    return web.json_response(body, status=code, headers=headers)


def forecast(request):
    write = request.method != "GET"
    table = (
        [("refused", 500, 0.08), ("lost", 500, 0.08), ("busy", 429, 0.08), ("conflict", 409, 0.04)]
        if write else [("refused", 500, 0.06), ("busy", 429, 0.06)]
    )
    drawn = chance.random()
    for what, code, share in table:
        if drawn < share:
            return what, code
        drawn -= share
    return None, 0


async def forward(request):
    if request.method in ("GET",) and request.query.get("watch") in ("1", "true"):
        return await watched(request)
    what, code = forecast(request)
    if what in ("refused", "busy", "conflict"):
        told(what, request)
        reasons = {500: "InternalError", 429: "TooManyRequests", 409: "Conflict"}
        return answer(code, reasons[code])
    async with await sent(request) as got:
        body = await got.read()
        if request.method == "POST" and got.status == 201 and not request.path.endswith("/events"):
            name = json.loads(body)["metadata"]["name"]
            told("created", request, name=name)
        if what == "lost":
            told(what, request, code=got.status)
            return answer(500, "InternalError")
        return web.Response(body=body, status=got.status, content_type=got.content_type)


async def watched(request):
    ends = asyncio.get_running_loop().time() + chance.uniform(3, 20)
    async with await sent(request) as got:
        reply = web.StreamResponse(status=got.status, headers={"Content-Type": got.content_type})
        await reply.prepare(request)
        try:
            while True:
                left = ends - asyncio.get_running_loop().time()
                chunk = await asyncio.wait_for(got.content.readany(), max(left, 0.01))
                if not chunk:
                    return reply
                await reply.write(chunk)
        except TimeoutError:
            told("cut", request)
            request.transport.abort()
            return reply


async def sent(request):
    headers = {name: request.headers[name] for name in PASSED if name in request.headers}
    headers["Authorization"] = "Bearer " + open(ACCOUNT + "token").read()
    # An empty body would be sent with a type, which the API server refuses.
    body = await request.read() or None
    return await request.app["session"].request(
        request.method, SERVER + request.raw_path, headers=headers, data=body
    )


async def session(app):
    trust = ssl.create_default_context(cafile=ACCOUNT + "ca.crt")
    async with ClientSession(connector=TCPConnector(ssl=trust, limit=0),
                             timeout=ClientTimeout(total=None)) as app["session"]:
        yield


app = web.Application(client_max_size=8 << 20)
app.cleanup_ctx.append(session)
app.router.add_route("*", "/{path:.*}", forward)
web.run_app(app, host="127.0.0.1", port=PORT, print=None, access_log=None)
"""

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "w", "cluster": {"server": f"http://127.0.0.1:{PORT}"}}],
    "users": [{"name": "w", "user": {}}],
    "contexts": [{"name": "w", "context": {"cluster": "w", "user": "w"}}],
    "current-context": "w",
}


def let_it_rain(cluster: Cluster, deployment: dict[str, Any]) -> None:
    """Put the proxy between an operator's Deployment and the API server; ready on return."""
    files = {"proxy.py": PROXY.replace("PORT", str(PORT)), "config": json.dumps(KUBECONFIG)}
    made = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG, "namespace": NAMESPACE},
        "data": files,
    }
    pod = deployment["spec"]["template"]["spec"]
    operator = pod["containers"][0]
    mount = {"name": CONFIG, "mountPath": "/weather"}
    operator["env"].append({"name": "KUBECONFIG", "value": "/weather/config"})
    operator["volumeMounts"].append(mount)
    proxy = {
        "name": "weather",
        "image": operator["image"],
        "command": ["python", "/weather/proxy.py"],
        "securityContext": RESTRICTED,
        "volumeMounts": [mount],
    }
    pod["containers"].append(proxy)
    pod["volumes"].append({"name": CONFIG, "configMap": {"name": CONFIG}})
    cluster.apply(made, deployment)
    cluster.wait_for_rollout(f"deployment/{DEPLOYMENT}", NAMESPACE)


def what_fell(cluster: Cluster) -> list[dict[str, Any]]:
    """Return what the proxy did, in order.

    Raises:
        ClusterError: The proxy was restarted, so that a part of its log is gone.
    """
    pods = cluster.list("pods", NAMESPACE, "app=operator")
    for pod in pods:
        for one in pod["status"].get("containerStatuses", []):
            if one["restartCount"]:
                raise ClusterError(f"{one['name']} in {pod['metadata']['name']} was restarted")
    text = cluster.kubectl(
        "logs", f"deployment/{DEPLOYMENT}", "--container=weather", "--tail=-1", namespace=NAMESPACE
    )
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def counted(fell: list[dict[str, Any]]) -> Counter[str]:
    """Return how often the proxy did what."""
    return Counter(one["did"] for one in fell)
