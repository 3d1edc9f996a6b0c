"""The pod runner: one node, ``devnode``, whose containers are local processes.

It does what scheduler, kubelet, container runtime and volume provisioner do together, as far as
the operator and its tests can see: it registers the node and renews its lease, binds pods and
claims, prepares volumes, runs containers, reports their state, serves their logs. It works the
same against the embedded API server and a real one.

**Paths.** Processes share the machine's file system: there is no mount namespace. So every
absolute path in the values of a container's environment, its command and its arguments that is
or lies under one of its ``mountPath``, or is its ``terminationMessagePath``, is replaced by
the local folder that stands for it (`devcluster.podrunner.paths`). A program that has such a path
built in, rather than told, does not find its files.

**Images** are not pulled: a name (or a pattern) stands for the command that is the image's
entrypoint on this machine. Other images end as ``ErrImagePull``, like a name that no registry
knows.

Ignored, not refused: resource requests and limits, security contexts, probes, life-cycle hooks,
read-only mounts, networks (containers use the machine's). Refused: init containers that restart
(sidecars).
"""
