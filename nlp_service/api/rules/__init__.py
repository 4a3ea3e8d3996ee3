"""Word lists and policies over HTTP: one module a resource, each a class with what its routes need."""
