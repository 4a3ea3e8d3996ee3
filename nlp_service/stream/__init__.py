"""Messages from a stream of Redis: read by a group of consumers, taken in, and acknowledged when they are stored.

At least once, with the effect of once: an entry is acknowledged only behind the commit of its message, and a message
that comes again changes nothing. Needs the extra ``redis``.
"""
