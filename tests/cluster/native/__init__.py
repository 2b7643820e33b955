"""Kubernetes from Go modules and Debian packages, as root on one Linux machine.

The control plane runs on the machine itself. A node is a set of namespaces (network, mounts,
processes) with its own containerd, kubelet and kube-proxy, on a bridge with the others: to end
its first process is to lose the node, with all that was mounted, linked and started in it.
"""
