"""What the edge thinks of each endpoint of a service: by questions of its own, and by what becomes of requests."""

from functions.gateway.envoy.resource import Resource

PANIC_PERCENT = 30


def endpoint_health(path: str) -> Resource:
    """The part of a cluster that says which of its endpoints get requests; `path` answers 200 while one is alive."""
    return {
        "health_checks": [_health_check(path)],
        # An endpoint that its name no longer names is left at once, however well it answers: a pod that ends does so
        # until its last second, and Envoy would keep it until a question of its own fails.
        "ignore_health_on_host_removal": True,
        "outlier_detection": _outlier_detection(),
        # With a third of a service's endpoints healthy these serve alone. With fewer, all are asked: so many at once
        # speak of an overload or of the check itself, and those that are left would not bear the load of all.
        "common_lb_config": {
            "healthy_panic_threshold": {"value": PANIC_PERCENT},
            # What is found counts at once: Envoy would gather it for a second, as for thousands of endpoints.
            "update_merge_window": "0s",
        },
    }


def _health_check(path: str) -> Resource:
    # Liveness, not readiness: a service whose storage is down still answers what it can. When no host of a service is
    # healthy, Envoy asks all of them (its panic threshold): a late health answer alone never cuts a service off.
    return {
        "http_health_check": {"path": path},
        "timeout": "2s",
        "interval": "5s",
        "interval_jitter_percent": 20,
        "no_traffic_interval": "30s",
        "unhealthy_interval": "2s",
        "unhealthy_threshold": 3,
        "healthy_threshold": 1,
    }


def _outlier_detection() -> Resource:
    # Only gateway failures (502, 503, 504, and what Envoy says in their place when a connection fails, breaks or stays
    # silent) speak of the host; a 500 may be one bad request. Of n hosts n/2 at most are out, so a single one never is.
    return {
        "consecutive_gateway_failure": 5,
        "enforcing_consecutive_gateway_failure": 100,
        "enforcing_consecutive_5xx": 0,
        # By rates one failure in a hundred ejects a host when the others have none.
        "enforcing_success_rate": 0,
        "interval": "5s",
        "base_ejection_time": "5s",
        "max_ejection_time": "60s",
        "max_ejection_percent": 50,
        # The health check asks for life, not for work: its success does not end an ejection.
        "successful_active_health_check_uneject_host": False,
    }
