"""The operator of modelrun: it observes a run and its children, decides, and applies the decision.

`core` decides and `manifests` and `pki` build, all of them pure; `kube` is the only door to the API
server; `handlers` tie both to kopf. It knows nothing of statistics and imports nothing of the app.
"""
