from functions.gateway.envoy.health import endpoint_health


def test_only_gateway_failures_eject_a_host() -> None:
    ejection = endpoint_health("/a/health/live")["outlier_detection"]
    enforced = {name: share for name, share in ejection.items() if name.startswith("enforcing")}
    assert {name for name, share in enforced.items() if share} == {"enforcing_consecutive_gateway_failure"}


def test_failures_of_connections_are_counted_with_those_of_answers() -> None:
    """Split, a connection that was made ends the run of failures: a pod that takes and breaks each would stay."""
    assert "split_external_local_origin_errors" not in endpoint_health("/a/health/live")["outlier_detection"]


def test_a_pod_that_is_alive_stays_out_for_its_time_and_one_that_is_gone_is_not_kept() -> None:
    found = endpoint_health("/a/health/live")
    assert found["health_checks"][0]["http_health_check"] == {"path": "/a/health/live"}
    assert found["outlier_detection"]["successful_active_health_check_uneject_host"] is False
    assert found["ignore_health_on_host_removal"] is True


def test_ejections_alone_never_bring_panic() -> None:
    found = endpoint_health("/a/health/live")
    least_in_use = 100 - found["outlier_detection"]["max_ejection_percent"]
    assert found["common_lb_config"]["healthy_panic_threshold"]["value"] <= least_in_use
