"""On duty: what the watch sees becomes incidents that are stored, told, and kept to their clocks."""
