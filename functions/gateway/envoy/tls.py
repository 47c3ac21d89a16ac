"""TLS at the edge: certificate and key from files on the Envoy's own disk, read again when they change."""

from pathlib import PurePosixPath

from functions.gateway.envoy.resource import Resource, extension

CERTIFICATE = "edge-certificate"


def downstream_tls(source: Resource) -> Resource:
    """TLS 1.2 and 1.3 with the secret CERTIFICATE, had from the control plane; HTTP/2 where the client can."""
    return extension(
        "envoy.transport_sockets.tls",
        "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
            "alpn_protocols": ["h2", "http/1.1"],
            "tls_certificate_sds_secret_configs": [{"name": CERTIFICATE, "sds_config": source}],
        },
    )


def certificate(chain_file: str, key_file: str) -> Resource:
    """The secret: two file names. Envoy watches their folder, so that a renewed certificate needs no restart.

    A renewal must replace the folder's files by a rename (as Kubernetes does with a mounted Secret).
    """
    return {
        "name": CERTIFICATE,
        "tls_certificate": {
            "certificate_chain": {"filename": chain_file},
            "private_key": {"filename": key_file},
            "watched_directory": {"path": str(PurePosixPath(chain_file).parent)},
        },
    }
