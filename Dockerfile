# One image for the operator and for the exporter's Jobs.
# BASE_IMAGE can name a mirror or a hardened base with the same Python.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
RUN python -m venv /opt/synclog
COPY pyproject.toml README.md LICENSE ./
COPY operator/synclog operator/synclog
RUN /opt/synclog/bin/python -m pip install --no-cache-dir --disable-pip-version-check .

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="synclog-operator" \
      org.opencontainers.image.description="Keeps the Code42 Sync Log: every event, exactly once, verifiably" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/synclog /opt/synclog
# Threads of one process must not each keep a memory arena of their own.
ENV PATH=/opt/synclog/bin:$PATH \
    MALLOC_ARENA_MAX=2 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080
ENTRYPOINT ["synclog-operator"]
CMD ["run"]
