"""Tells people: notices, who gets them, in which words, by which way, and that none is lost or told twice."""
