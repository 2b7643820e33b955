"""Runs on a cluster, from the outside: hand a file over, look after it, fetch what came out.

The only part of the app that speaks to an API server. It knows ModelRuns, their code and their
logs; what happens inside the cluster is the operator's business, and nothing here needs it to be
installed on this machine.
"""
