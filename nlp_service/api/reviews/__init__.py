"""The routes of reviews and of the best contributions: one module a subject, put together in `routes`."""
