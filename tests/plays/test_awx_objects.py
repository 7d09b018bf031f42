"""apply-awx.yml with the real modules of awx.awx against a stand-in of AWX' API, and apply-aap.yml up to the role of infra.aap_configuration that it runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.yaml.loader import AnsibleLoader

from tests.support.artifact import installed
from tests.support.controller_api import HIDDEN, Controller, serving
from tests.support.seeds import soak

ROOT = Path(__file__).parents[2]
COLLECTIONS = Path(str(distribution("ansible").locate_file("")))
DATA: dict[str, Any] = AnsibleLoader((ROOT / "awx/controller.yml").read_text()).get_single_data()
SECRETS: dict[str, Any] = {
    "image_trust_credential_inputs": {"client": "c", "tenant": "t", "subscription": "s", "cloud": "AzureCloud", "token": "azure-token"},
    "image_trust_registry_inputs": {"host": "registry.example.com", "username": "puller", "password": "registry-password"},
    "image_trust_project_inputs": {"username": "reader", "password": "project-password"},
    "image_trust_notification_url": "https://chat.example.com/hook/notification-secret",
}
SECRET_TEXTS = ("azure-token", "registry-password", "project-password", "notification-secret")


PATHS = {
    "image_trust_folder": "/data",
    "verify_proof_path": "{{ image_trust_folder }}/{{ inventory_hostname }}.json",
    "policy_audit_path": "{{ image_trust_folder }}/{{ inventory_hostname }}-audit.json",
    "report_path": "{{ image_trust_folder }}/image-trust.html",
}


def playbook(folder: Path, name: str | Path, variables: dict[str, Any], **environment: str) -> subprocess.CompletedProcess[str]:
    (folder / "secrets.json").write_text(json.dumps(variables))
    return subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-v", ROOT / "awx" / name, "-e", f"@{folder / 'secrets.json'}"],
        cwd=folder,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / '.build'}:{COLLECTIONS}", "HOME": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def changes(done: subprocess.CompletedProcess[str]) -> int:
    found = re.search(r"^localhost +: .*changed=(\d+)", done.stdout, re.M)
    assert found, done.stdout + done.stderr
    return int(found[1])


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[Controller]:
    """With a project that awx/project.yml wrote."""
    written = playbook(tmp_path, "project.yml", {"project_path": str(tmp_path / "project")})
    assert written.returncode == 0, written.stdout + written.stderr
    with serving(Controller({path.name: path.read_text() for path in (tmp_path / "project").iterdir()})) as controller:
        yield controller


def apply(controller: Controller, folder: Path, variables: dict[str, Any], token: str = "") -> subprocess.CompletedProcess[str]:
    return playbook(folder, "apply-awx.yml", variables, CONTROLLER_HOST=controller.url, CONTROLLER_OAUTH_TOKEN=token or controller.token)


def test_all_objects_are_there_after_one_run_and_the_second_changes_nothing(controller: Controller, tmp_path: Path) -> None:
    given = SECRETS | {"image_trust_folder": "/data"}
    done = apply(controller, tmp_path, given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [secret for secret in SECRET_TEXTS if secret in done.stdout] == []

    _, credential = controller.named("credentials", "image trust")
    assert credential["inputs"] == SECRETS["image_trust_credential_inputs"]
    kind, described = controller.named("credential_types", "Azure by federation")
    assert credential["credential_type"] == kind
    assert described["injectors"]["file"] == {"template.token": "{{ token }}"}, "a controller fills it in, not Ansible"
    registry, _ = controller.named("credentials", "image trust registry")
    environment, image = controller.named("execution_environments", "image trust")
    assert image == {
        "name": "image trust",
        "organization": 1,
        "image": DATA["image_trust_execution_environment_image"],
        "credential": registry,
        "pull": "missing",
    }
    project, repository = controller.named("projects", "image trust")
    assert (repository["scm_url"], repository["default_environment"]) == (DATA["image_trust_project_url"], environment)
    assert repository["credential"] == controller.named("credentials", "image trust project")[0]
    inventory, _ = controller.named("inventories", "clusters")
    _, source = controller.named("inventory_sources", "image trust")
    assert (source["inventory"], source["source"], source["source_project"]) == (inventory, "scm", project)
    assert source["source_path"] == "inventory/hosts.yml"
    _, notification = controller.named("notification_templates", "image trust")
    assert notification["notification_configuration"]["url"] == SECRETS["image_trust_notification_url"]

    for template in DATA["controller_templates"]:
        number, stored = controller.named("job_templates", template["name"])
        references = {"organization": 1, "project": project, "inventory": inventory, "execution_environment": environment}
        linked = {name: template.get(name, []) for name in ("credentials", "notification_templates_error")}
        if template["name"] == "image trust report":
            linked["credentials"] = []
        fields = {name: value for name, value in template.items() if name not in {*references, *linked, "survey_spec", "extra_vars"}}
        assert {name: value for name, value in stored.items() if name != "extra_vars"} == fields | references
        assert json.loads(stored["extra_vars"]) == PATHS
        names = [[name.replace("{{ image_trust_credential }}", "image trust") for name in each] for each in linked.values()]
        assert [controller.linked(number, name) for name in linked] == names
        assert controller.surveys.get(number) == template.get("survey_spec")

    workflow, stored = controller.named("workflow_job_templates", "image trust")
    assert (stored["ask_limit_on_launch"], stored["survey_enabled"]) == (True, True)
    assert controller.surveys[workflow] == DATA["controller_workflows"][0]["survey_spec"]
    assert controller.linked(workflow, "notification_templates_approvals") == ["image trust"]
    nodes = {name: controller.named("workflow_job_template_nodes", name) for name in ("preflight", "audit", "approve", "site", "report")}
    links = {name: (controller.linked(number, "success_nodes"), controller.linked(number, "always_nodes")) for name, (number, _) in nodes.items()}
    assert links == {"preflight": (["audit"], []), "audit": ([], ["approve"]), "approve": (["site"], []), "site": (["report"], []), "report": ([], [])}
    jobs = {name: node["unified_job_template"] for name, (_, node) in nodes.items() if name != "approve"}
    assert jobs == {name: controller.named("job_templates", f"image trust {name}")[0] for name in jobs}
    approval, _ = controller.named("workflow_approval_templates", "approve what preflight and audit show")
    assert nodes["approve"][1]["unified_job_template"] == approval

    scheduled = {each["name"]: each for each in controller.objects["schedules"].values()}
    assert {name: each["unified_job_template"] for name, each in scheduled.items()} == {
        "image trust verify each night": controller.named("job_templates", "image trust verify")[0],
        "image trust report each morning": controller.named("job_templates", "image trust report")[0],
    }
    assert controller.refused == []

    controller.requests.clear()
    again = apply(controller, tmp_path, given)
    assert (again.returncode, changes(again), controller.writes) == (0, 0, []), again.stdout + again.stderr


@pytest.mark.parametrize("missing", SECRETS)
def test_a_secret_that_is_not_given_is_named_before_the_first_request(missing: str, tmp_path: Path) -> None:
    with serving(Controller({})) as controller:
        done = apply(controller, tmp_path, {name: value for name, value in SECRETS.items() if name != missing})
    assert done.returncode == 2
    assert f"{missing} is not given" in done.stdout
    assert controller.requests == []


@soak("the run of all objects")
def test_a_project_without_the_playbooks_is_refused_and_another_secret_is_only_written_when_it_is_asked_for(tmp_path: Path) -> None:
    other = SECRETS | {"image_trust_credential_inputs": SECRETS["image_trust_credential_inputs"] | {"token": "another"}}
    with serving(Controller({"README.md": "Clusters of the web team"})) as controller:
        done = apply(controller, tmp_path, SECRETS)
        assert done.returncode == 2
        assert "Playbook not found for project." in done.stdout
        assert "job_templates" not in controller.objects

        for update, token in ((False, "azure-token"), (True, "another")):
            apply(controller, tmp_path, other | {"image_trust_update_secrets": update})
            assert controller.named("credentials", "image trust")[1]["inputs"]["token"] == token
    assert HIDDEN not in json.dumps(controller.objects)


def test_a_token_that_the_controller_does_not_know_changes_nothing(tmp_path: Path) -> None:
    with serving(Controller({})) as controller:
        done = apply(controller, tmp_path, SECRETS, token="another")
    assert done.returncode == 2
    assert "Invalid authentication credentials" in done.stdout
    assert controller.requests == []


def test_the_artifact_has_what_the_page_names_and_writes_a_project(tmp_path: Path) -> None:
    collection = installed(tmp_path / "collections") / "ansible_collections/image_trust/azure"
    named = re.findall(r"^\| `([\w.-]+)` \|", (collection / "docs/awx.md").read_text(), re.M)
    assert {*named, "requirements-aap.yml"} == {path.name for path in (collection / "awx").glob("*.yml")}
    assert (collection / "execution-environment.yml").exists()

    project = tmp_path / "project"
    done = playbook(tmp_path, collection / "awx/project.yml", {"project_path": "project"}, PWD=str(tmp_path))
    assert done.returncode == 0, done.stdout
    written = {path.name: yaml.safe_load(path.read_text())[0]["import_playbook"] for path in project.iterdir()}
    assert written == {path.name: f"image_trust.azure.{path.stem}" for path in (collection / "playbooks").glob("*.yml")}
    shutil.copy(collection / "awx/project.yml", tmp_path)
    assert "This is a copy" in playbook(tmp_path, tmp_path / "project.yml", {"project_path": str(project)}).stdout


DISPATCHED = {name for name in DATA if name.startswith(("aap_", "controller_"))}


def test_the_role_of_infra_aap_configuration_gets_the_same_objects(tmp_path: Path) -> None:
    """Its collections are not in any registry that tests reach: in its place is a role that writes what it is given."""
    role = tmp_path / "ansible_collections/infra/aap_configuration/roles/dispatch/tasks/main.yml"
    role.parent.mkdir(parents=True)
    given = "{{ dict(names | zip(names | map('extract', vars))) | to_json }}"
    task = {"ansible.builtin.copy": {"dest": f"{tmp_path}/given.json", "content": given, "mode": "0600"}, "vars": {"names": sorted(DISPATCHED)}}
    role.write_text(json.dumps([task]))
    done = playbook(tmp_path, "apply-aap.yml", SECRETS, ANSIBLE_COLLECTIONS_PATH=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    objects = json.loads((tmp_path / "given.json").read_text())
    assert {name: [each["name"] for each in found] for name, found in objects.items()} == {
        name: [re.sub(r"{{ (\w+) }}", lambda match: DATA[match[1]], each["name"]) for each in DATA[name]] for name in DISPATCHED
    }
    assert objects["controller_credentials"][0]["inputs"] == SECRETS["image_trust_credential_inputs"]
