"""HTTP: paths, media types, tables, watches, discovery, OpenAPI, faults."""
