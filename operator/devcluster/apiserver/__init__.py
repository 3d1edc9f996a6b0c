"""A Kubernetes API server in one process and in memory, for the demo and the tests.

``python -m devcluster.apiserver --port 0 --data-dir DIR`` serves until it is told to stop and
writes ``DIR/kubeconfig`` when it is ready. The rooms, from the bottom up:

- ``schema``: what fields an object may have, how it is pruned, defaulted and validated.
- ``storage``: objects, revisions, history, the journal.
- ``kinds``: what is special about a kind: defaults, validation, what an update may change.
- ``access``: who asks (tokens) and what they may do (RBAC).
- ``registry``: create, update, patch, delete: the semantics that every kind shares.
- ``control``: what a controller manager would do and nobody else does here: garbage
  collection, namespaces.
- ``serving``: HTTP: paths, media types, tables, watches, discovery, OpenAPI, faults.

``tests/conformance`` runs the same tests against this server and a real one.
"""
