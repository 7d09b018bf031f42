from __future__ import annotations

from ansible_collections.image_trust.azure.plugins.filter.topology_spread import topology_spread


def test_each_key_spreads_the_pods_and_never_keeps_one_from_being_scheduled() -> None:
    found = topology_spread(["zone", "host"], {"app": "web"})
    assert [(each["topologyKey"], each["whenUnsatisfiable"]) for each in found] == [("zone", "ScheduleAnyway"), ("host", "ScheduleAnyway")]
    assert found[0]["labelSelector"] == {"matchLabels": {"app": "web"}}


def test_without_keys_nothing_spreads() -> None:
    assert topology_spread([], {"app": "web"}) == []
