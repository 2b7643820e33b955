"""Hundreds of runs at once on an API server without nodes: what the operator itself costs.

etcd, API server, controller manager and scheduler are real and a process each, beside a test
cluster or without one; so is the Dask controller, unmodified. kwok plays the kubelets, and with
them the ends of preflight and runner. Runners answer for their progress over HTTP. What happened
is read from the API server's audit log. No container runs, so nothing here is true of pods.
"""
