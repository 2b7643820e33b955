"""kind: the cluster's nodes are Docker containers."""
