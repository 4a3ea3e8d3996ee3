"""Reads messages of Chinese communities: what they are for, how they feel, how urgent they are, and why."""

import os

# NumPy's products here are small: a second thread for them only takes the core of another process away and halves what
# two processes do. It is read when NumPy is first imported, and nothing of this package is imported before this line.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
