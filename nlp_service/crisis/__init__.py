"""Sees a crisis begin: sightings of analysed messages in, incidents out. Pure: no clock, no store, no network."""
