"""Engines: ways of fitting the slices of one model, and the one shape of their results.

An engine knows the study and a task; it knows no backend, no store and no table. Which engine a
model gets, catalog.py decides.
"""
