"""``/v1/messages`` and ``/v1/authors``: messages in, verdicts out, and what is stored of them."""
