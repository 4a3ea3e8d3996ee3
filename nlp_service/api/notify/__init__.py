"""Where people are told, by which routes, and what became of it, over HTTP."""
