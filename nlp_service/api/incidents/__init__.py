"""Incidents, what is done about them, and the links by which somebody takes one on, over HTTP."""
