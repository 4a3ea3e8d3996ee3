"""What mining found, over HTTP: answered from stored runs, which jobs make."""
