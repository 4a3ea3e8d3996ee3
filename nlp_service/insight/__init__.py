"""What communities talk about: aspects, pains and needs, topics, trends, segments, health, early warnings, reports."""
