"""The operator at scale, beside Kubernetes' own CronJob controller. See docs/benchmarks.md."""
