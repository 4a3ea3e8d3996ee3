"""Encoders of other people: any checkpoint of the Hugging Face or sentence-transformers format.

The only room beside training that knows torch and transformers; they are imported when a checkpoint is loaded.
"""
