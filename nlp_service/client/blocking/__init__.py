"""The client for programs that wait: `Client` and its parts."""
