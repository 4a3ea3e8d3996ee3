"""From files or the store to FACTS: cut into parts, read by one of two engines, gathered into one table.

    source ─ cut ─► parts ─ read, analyse (worker processes, or Ray) ─► a Parquet file a part ─ gather ─► FACTS

What is in the file of a part depends on the part alone, so it does not matter which engine made it, in which order, or
after how many kills.
"""
