"""A cluster that people work on before, while and after site.yml comes to deny by stages: what they do is as before. The tests build on each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.seeds import soak

from . import living
from .conftest import Lab, Run
from .living import ADDS_IMAGES, ADDS_NO_IMAGE, END, OTHER_IMAGE, Seen, Team, do, images
from .plans import ONLY_THE_CLUSTER, succeeded
from .pods import SIGNED, UNSIGNED

pytestmark = [pytest.mark.first_lab, pytest.mark.order(11)]

SHOP, LEGACY = "shop", "legacy"
NEW_PODS: dict[str, Any] = {**ADDS_IMAGES, **OTHER_IMAGE}
DAYS: dict[str, Any] = {**ADDS_NO_IMAGE, **NEW_PODS, **END}
NOTHING = living.Said(0, "")


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
    without_us: dict[tuple[str, str], Seen] = {}
    for name, operation in DAYS.items():
        both = (shop_before, legacy_before) if name not in NEW_PODS else (shop_before,)
        without_us |= {(team, name): seen for team, seen in zip((SHOP, LEGACY), do(operation, *both), strict=False)}
    assert [(where, seen.text) for where, seen in without_us.items() if seen.returncode] == []
    pods = [item for team in (shop, legacy) for item in team.items() if item["kind"] == "Pod"]
    yield Living(shop, legacy, without_us, {item["metadata"]["uid"]: images(item["spec"])[0] for item in pods})
    for team in teams:
        team.leave()


def let(lab: Lab, living_cluster: Living, enforcement: str, **variables: Any) -> Run:
    """A run of site.yml with that enforcement for both teams, in which nothing of theirs changes."""
    teams = (living_cluster.shop, living_cluster.legacy)
    before = [team.calm() for team in teams]
    stages = [] if enforcement == "deny" else [{"namespaces": [SHOP, LEGACY], "enforcement": enforcement}]
    run = lab.play("site", policy_stages=stages, **variables)
    for old, team in zip(before, teams, strict=True):
        assert living.look(old, team.calm(), NOTHING) == living.look(old, old, NOTHING)
    return run


@pytest.mark.parametrize("enforcement", [pytest.param("dryrun", marks=soak("the stage warn")), "warn"])
def test_a_stage_that_only_tells_leaves_what_runs_as_it_is(lab: Lab, living_cluster: Living, enforcement: str) -> None:
    succeeded(let(lab, living_cluster, enforcement))


def test_deny_is_refused_for_the_unsigned_workloads_alone_and_then_leaves_what_runs_as_it_is(lab: Lab, living_cluster: Living) -> None:
    refused = let(lab, living_cluster, "deny")
    assert refused.returncode != 0
    assert "11 would be denied when their pods are created again, and 0 could not be judged" in refused.error
    line = next(line for line in refused.error.splitlines() if f"{LEGACY}: " in line)
    assert [name for name in ("Deployment idle", "Deployment web", "StatefulSet store", "DaemonSet agent") if name not in line] == []
    assert f"{SHOP}: " not in refused.error
    succeeded(let(lab, living_cluster, "deny", policy_force_deny="lab1"))


@pytest.mark.parametrize("operation", ADDS_NO_IMAGE)
def test_what_adds_no_image_is_as_before_signed_or_not(living_cluster: Living, operation: str) -> None:
    for name, seen in zip((SHOP, LEGACY), do(ADDS_NO_IMAGE[operation], living_cluster.shop, living_cluster.legacy), strict=True):
        assert seen.returncode == 0, seen.text
        assert seen == living_cluster.without_us[name, operation], seen.text


@pytest.mark.parametrize("operation", NEW_PODS)
def test_new_pods_with_signed_images_come_as_before_and_are_pinned(living_cluster: Living, operation: str) -> None:
    (seen,) = do(NEW_PODS[operation], living_cluster.shop)
    assert seen.returncode == 0, seen.text
    assert seen == living_cluster.without_us[SHOP, operation], seen.text
    new = [item for item in living_cluster.shop.items() if item["kind"] == "Pod" and item["metadata"]["uid"] not in living_cluster.known]
    assert [image for item in new for image in images(item["spec"]) if "@sha256:" not in image] == []


@pytest.mark.parametrize("command", ["scale deployment/web --replicas=3", "rollout restart deployment/from-git"])
def test_new_pods_with_unsigned_images_are_denied_and_what_runs_stays(living_cluster: Living, command: str) -> None:
    legacy = living_cluster.legacy
    before = {item["metadata"]["uid"] for item in legacy.items() if item["kind"] == "Pod"}
    legacy.done(*command.split())
    assert {item["metadata"]["uid"] for item in legacy.calm(10) if item["kind"] == "Pod"} == before
    said = legacy.kubectl("get", "events", "--field-selector=reason=FailedCreate").text
    assert "it has no signature" in said
    assert "tries again without end" in said


@pytest.mark.parametrize(
    "command", ["create job later --from=cronjob/nightly", f"set image deployment/from-git it={UNSIGNED}", f"debug lone --image={UNSIGNED} --container=other"]
)
def test_an_unsigned_image_of_a_user_is_denied_with_the_reason_and_nothing_changes(living_cluster: Living, command: str) -> None:
    team = living_cluster.legacy if command.startswith("create") else living_cluster.shop
    before = team.items()
    said = team.kubectl(*command.split())
    assert said.returncode != 0
    assert "it has no signature" in said.text
    assert living.look(before, team.calm(10), NOTHING) == living.look(before, before, NOTHING)


@pytest.mark.parametrize("operation", END)
def test_a_team_can_go(living_cluster: Living, operation: str) -> None:
    for name, seen in zip((SHOP, LEGACY), do(END[operation], living_cluster.shop, living_cluster.legacy), strict=True):
        assert seen == living_cluster.without_us[name, operation], seen.text
