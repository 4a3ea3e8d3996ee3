"""Finding the entries that answer a question: terms, word vectors and the encoder's vectors, fused by a small model."""
