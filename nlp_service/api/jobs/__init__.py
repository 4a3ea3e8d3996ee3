"""Long work: the queue of jobs, the process that does them, and callbacks when they end."""
