"""Doors in the shapes that other programs speak already: OpenAI, Cohere, Jina, TEI and Perspective."""
