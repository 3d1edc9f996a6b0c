"""The Job controller of the embedded cluster: Jobs as Kubernetes 1.36 runs them.

`sync` decides, purely, from a Job and its pods; `controller` acts. A real control plane brings
its own Job controller, so this one runs only with the embedded API server.

Not there because nothing here needs it: adoption of orphan pods, PodGroups, metrics. The
back-off of a Job without ``backoffLimitPerIndex`` is derived from the pods that still exist,
where Kubernetes counts in memory: a failed pod that somebody deletes no longer delays.
"""
