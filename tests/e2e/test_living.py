"""A cluster that people work on before, while and after site.yml comes to deny by stages: what they do is as before. The tests build on each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from . import living
from .conftest import Lab
from .living import ADDS_IMAGES, ADDS_NO_IMAGE, END, OTHER_IMAGE, Seen, Team, do, images
from .plans import ONLY_THE_CLUSTER, succeeded
from .test_policy import SIGNED, UNSIGNED

SHOP, LEGACY = "shop", "legacy"
SIGNED_DAYS = {**ADDS_NO_IMAGE, **ADDS_IMAGES, **OTHER_IMAGE}


@dataclass
class Living:
    """Two teams, and what each operation did to their like on the cluster without us."""

    shop: Team
    legacy: Team
    without_us: dict[tuple[str, str], Seen]
    known: dict[str, str]
    """Uids of all pods from before, each with its first image."""


@pytest.fixture(scope="module")
def living_cluster(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    folder = tmp_path_factory.mktemp("teams")
    succeeded(lab.play("teardown"))
    (folder / "cluster.yml").write_text(ONLY_THE_CLUSTER)
    succeeded(lab.play(folder / "cluster.yml"))
    teams = [Team(name + suffix, image, folder) for name, image in ((SHOP, SIGNED), (LEGACY, UNSIGNED)) for suffix in ("", "-before")]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Team.settle_in, teams))
    shop, shop_before, legacy, legacy_before = teams
    without_us = {(SHOP, name): do(shop_before, operation) for name, operation in {**SIGNED_DAYS, **END}.items()}
    without_us |= {(LEGACY, name): do(legacy_before, operation) for name, operation in {**ADDS_NO_IMAGE, **END}.items()}
    assert [(where, seen.text) for where, seen in without_us.items() if seen.returncode] == []
    pods = [item for team in (shop, legacy) for item in team.items() if item["kind"] == "Pod"]
    yield Living(shop, legacy, without_us, {item["metadata"]["uid"]: images(item["spec"])[0] for item in pods})
    for team in (shop, legacy):
        team.kubectl("delete", "namespace", team.namespace, "--ignore-not-found")


@pytest.mark.parametrize("enforcement", ["dryrun", "warn", "deny"])
def test_each_stage_leaves_what_runs_as_it_is(lab: Lab, living_cluster: Living, enforcement: str) -> None:
    teams = (living_cluster.shop, living_cluster.legacy)
    before = [team.calm() for team in teams]
    stages = [] if enforcement == "deny" else [{"namespaces": [SHOP, LEGACY], "enforcement": enforcement}]
    succeeded(lab.play("site", policy_stages=stages, policy_force_deny="lab1"))
    after = [team.calm() for team in teams]
    for old, new in zip(before, after, strict=True):
        seen, same = living.look(old, new, living.Said(0, "")), living.look(old, old, living.Said(0, ""))
        assert seen == same


@pytest.mark.parametrize("operation", SIGNED_DAYS)
def test_a_day_of_a_team_with_signed_images_is_as_before(living_cluster: Living, operation: str) -> None:
    seen = do(living_cluster.shop, SIGNED_DAYS[operation])
    assert seen.returncode == 0, seen.text
    assert seen == living_cluster.without_us[SHOP, operation], seen.text
    new = [item for item in living_cluster.shop.items() if item["kind"] == "Pod" and item["metadata"]["uid"] not in living_cluster.known]
    assert [image for item in new for image in images(item["spec"]) if "@sha256:" not in image] == []


@pytest.mark.parametrize("operation", ADDS_NO_IMAGE)
def test_a_day_of_a_team_with_unsigned_images_is_as_before_where_it_adds_none(living_cluster: Living, operation: str) -> None:
    seen = do(living_cluster.legacy, ADDS_NO_IMAGE[operation])
    assert seen.returncode == 0, seen.text
    assert seen == living_cluster.without_us[LEGACY, operation], seen.text


@pytest.mark.parametrize("command", ["scale deployment/web --replicas=3", "rollout restart deployment/from-git", "create job now --from=cronjob/nightly"])
def test_new_pods_with_unsigned_images_are_denied_and_what_runs_stays(living_cluster: Living, command: str) -> None:
    legacy = living_cluster.legacy
    before = {item["metadata"]["uid"] for item in legacy.calm() if item["kind"] == "Pod"}
    legacy.done(*command.split())
    assert {item["metadata"]["uid"] for item in legacy.calm(15) if item["kind"] == "Pod"} == before
    assert "it has no signature" in legacy.kubectl("get", "events", "--field-selector=reason=FailedCreate").text


@pytest.mark.parametrize(("name", "operation"), [(SHOP, operation) for operation in END] + [(LEGACY, operation) for operation in END])
def test_a_team_can_go(living_cluster: Living, name: str, operation: str) -> None:
    team = living_cluster.shop if name == SHOP else living_cluster.legacy
    assert do(team, END[operation]) == living_cluster.without_us[name, operation]
