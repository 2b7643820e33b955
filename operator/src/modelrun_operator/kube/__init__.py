"""The only door to the API server: what is read, what is written, and every error by its meaning.

Nothing outside this package knows a path, a content type or a status code of Kubernetes.
"""
