"""What goes over the wire, one module a resource. Each type has an example, which the OpenAPI document shows."""
