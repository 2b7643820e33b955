"""Where events come in and loops run: kopf's watches, one loop a run, the little HTTP server.

No rule about runs stands here.
"""
