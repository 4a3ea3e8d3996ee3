"""Reading a whole file: cut into chunks, read by worker processes, written in order, continued after a crash."""
