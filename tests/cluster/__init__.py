"""A real Kubernetes cluster for tests, on any machine that runs them.

Two providers stand behind one interface (`cluster.provider.Provider`): `kind`, where a
Docker daemon answers, and `native`, which builds Kubernetes from Go modules and starts it
on a Linux machine without Docker, registry or downloaded binaries.

The package needs the standard library alone, so ``PYTHONPATH=tests python3 -m cluster up``
works before anything else is installed. It is for tests: nothing here is hardened, made
for upgrades, or shipped.
"""
