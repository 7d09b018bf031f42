"""The objects of AWX, against what AWX takes, and the surveys, against the variables that they ask for."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible.parsing.yaml.loader import AnsibleLoader
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.choice import METHODS

ROOT = Path(__file__).parents[3]
MODULES = Path(str(distribution("ansible").locate_file("ansible_collections/awx/awx/plugins/modules")))
DATA: dict[str, Any] = AnsibleLoader((ROOT / "awx/controller.yml").read_text()).get_single_data()
KINDS = {
    "aap_organizations": "organization",
    "controller_credential_types": "credential_type",
    "controller_credentials": "credential",
    "controller_execution_environments": "execution_environment",
    "controller_notifications": "notification_template",
    "controller_projects": "project",
    "controller_inventories": "inventory",
    "controller_inventory_sources": "inventory_source",
    "controller_templates": "job_template",
    "controller_workflows": "workflow_job_template",
    "controller_schedules": "schedule",
}
"""Variables that the role dispatch of infra.aap_configuration reads (its list is in roles/dispatch/vars/main.yml), and the module that takes an item of each.

ansible.controller, which that role runs, has these modules with the same options.
"""
NODES = "simplified_workflow_nodes"
TYPES = {"str": str, "bool": bool, "int": int, "float": float, "list": list, "dict": dict}
OF_AWX: list[dict[str, Any]] = yaml.safe_load((ROOT / "awx/tasks/configure.yml").read_text())
TEMPLATES: dict[str, dict[str, Any]] = {template["name"]: template for template in DATA["controller_templates"]}
SURVEYED = [*TEMPLATES.values(), *DATA["controller_workflows"]]
QUESTIONS = [
    pytest.param(template.get("playbook", "site.yml"), question, id=f"{template['name']}: {question['variable']}")
    for template in SURVEYED
    if template["survey_enabled"]
    for question in template["survey_spec"]["spec"]
]


def options(module: str) -> dict[str, Any]:
    """The options of one of awx.awx's modules, which have the names of the fields of AWX' API."""
    found = re.search(r"DOCUMENTATION = r?(?P<quotes>'{3}|\"{3})(?P<text>.*?)(?P=quotes)", (MODULES / f"{module}.py").read_text(), re.S)
    assert found
    documented: dict[str, Any] = yaml.safe_load(found["text"])["options"]
    return documented


def fits(value: Any, wanted: dict[str, Any], where: str) -> None:
    """`value` has only what the options or suboptions `wanted` know, all that they require, and their choices."""
    assert set(value) <= set(wanted), f"{where}: {set(value) - set(wanted)}"
    assert {name for name, option in wanted.items() if option.get("required")} <= set(value), where
    for name, each in value.items():
        option = wanted[name]
        assert each in option.get("choices", [each]), f"{where}: {name}"
        assert isinstance(each, TYPES[option["type"]]) or "{{" in str(each), f"{where}: {name}"
        for one in each if isinstance(each, list) else [each]:
            if "suboptions" in option:
                fits(one, option["suboptions"], f"{where}: {name}")


def variables(playbook: str) -> dict[str, Any]:
    """What a playbook of the collection takes: options of its roles, and for teardown the variables of the play."""
    play = next(play for play in yaml.safe_load((ROOT / "playbooks" / playbook).read_text()) if "vars" in play)
    named = [(role["role"], "main") for role in play.get("roles", [])]
    tasks = [inner for task in play.get("tasks", []) for inner in task.get("block", [task])]
    ran = [task.get(f"ansible.builtin.{how}_role") for task in tasks for how in ("include", "import")]
    named += [(role["name"], role.get("tasks_from", "main")) for role in ran if role]
    own = {name: {"type": "bool" if isinstance(value, bool) else "str", "default": value} for name, value in play.get("vars", {}).items()}
    specs = {name: yaml.safe_load((ROOT / "roles" / name.rpartition(".")[2] / "meta/argument_specs.yml").read_text())["argument_specs"] for name, _ in named}
    return own | {option: spec for name, entry in named for option, spec in specs[name].get(entry, {"options": {}})["options"].items()}


@pytest.mark.parametrize("kind", KINDS)
def test_each_object_has_only_what_awx_takes(kind: str) -> None:
    assert DATA[kind]
    for entry in DATA[kind]:
        fits({name: value for name, value in entry.items() if name != NODES}, options(KINDS[kind]), f"{kind}: {entry['name']}")


@pytest.mark.parametrize("node", DATA["controller_workflows"][0][NODES], ids=lambda node: str(node["identifier"]))
def test_each_node_of_a_workflow_has_only_what_awx_takes(node: dict[str, Any]) -> None:
    fits({**node, "workflow_job_template": "image trust"}, options("workflow_job_template_node"), node["identifier"])


def test_every_object_is_of_a_kind_that_is_looked_at_and_applied() -> None:
    assert {name for name in DATA if name.startswith(("aap_", "controller_"))} == set(KINDS)
    for name in ("apply-awx.yml", "apply-aap.yml"):
        (play,) = yaml.safe_load((ROOT / "awx" / name).read_text())
        assert play["vars_files"] == ["controller.yml"]
    looped = {(module.rpartition(".")[2], task["loop"].strip("{} ").partition(" ")[0]) for task in OF_AWX for module in task if module.startswith("awx.awx.")}
    assert looped == {(module, kind) for kind, module in KINDS.items()} | {("workflow_job_template_node", "controller_workflows")}


@pytest.mark.parametrize("task", OF_AWX, ids=lambda task: str(task["name"]))
def test_each_task_of_apply_awx_has_only_options_of_its_module(task: dict[str, Any]) -> None:
    for module, arguments in task.items():
        if module.startswith("awx.awx.") and isinstance(arguments, dict):
            wanted = options(module.rpartition(".")[2])
            assert {name for name, option in wanted.items() if option.get("required")} <= {*arguments} <= {*wanted}


def test_each_template_runs_a_playbook_of_the_collection() -> None:
    assert {template["playbook"] for template in TEMPLATES.values()} <= {path.name for path in (ROOT / "playbooks").glob("*.yml")}


def test_an_object_names_only_objects_that_are_there() -> None:
    """But for the built-in types of credentials."""
    names = {kind: {entry["name"] for entry in DATA[kind]} for kind in KINDS}
    templates = names["controller_templates"]
    credentials = names["controller_credentials"]
    given = [template.get("credentials", []) for template in TEMPLATES.values() if template["playbook"] != "report.yml"]
    assert {credential for each in given for credential in each} <= credentials
    assert {entry["credential"] for kind in ("controller_execution_environments", "controller_projects") for entry in DATA[kind]} <= credentials
    assert {template["execution_environment"] for template in TEMPLATES.values()} == names["controller_execution_environments"]
    assert {template["inventory"] for template in TEMPLATES.values()} == names["controller_inventories"]
    assert {entry["unified_job_template"] for entry in DATA["controller_schedules"]} <= templates
    notified = [value for kind in KINDS for entry in DATA[kind] for name, value in entry.items() if name.startswith("notification_templates_")]
    assert notified
    assert {name for value in notified for name in value} == names["controller_notifications"]


@pytest.mark.parametrize(
    ("folder", "credentials"),
    [("", []), ("/var/lib/image-trust", []), ("https://contoso.blob.core.windows.net/image-trust", ["image trust"])],
)
def test_the_report_logs_in_only_where_it_reads_from_a_container(folder: str, credentials: list[str]) -> None:
    assert TEMPLATES["image trust report"]["credentials"] == "{{ image_trust_report_credentials }}"
    expression = jinja2.Environment(autoescape=True).compile_expression(DATA["image_trust_report_credentials"].strip("{} "))
    assert expression(image_trust_folder=folder, image_trust_credential="image trust") == credentials


def test_no_job_fails_unseen() -> None:
    assert [name for name, template in TEMPLATES.items() if not template.get("notification_templates_error")] == []
    (workflow,) = DATA["controller_workflows"]
    assert workflow["notification_templates_approvals"], "an approval that no user sees comes to its timeout"


def test_secrets_are_the_callers_variables() -> None:
    assert not {*DATA["image_trust_of_the_caller"]} & {*DATA}
    assert {entry["inputs"].strip("{} ") for entry in DATA["controller_credentials"]} <= {*DATA["image_trust_of_the_caller"]}


@pytest.mark.parametrize(("playbook", "question"), QUESTIONS)
def test_a_survey_asks_for_a_variable_as_it_is(playbook: str, question: dict[str, Any]) -> None:
    known = variables(playbook)
    assert question["variable"] in known
    option = known[question["variable"]]
    kind = {"str": "text", "bool": "multiplechoice"}[option["type"]] if "choices" not in option else "multiplechoice"
    choices = option.get("choices", ["false", "true"] if option["type"] == "bool" else None)
    assert (question["type"], question.get("choices")) == (kind, choices)
    # AWX passes what is left empty as an empty text, which beats the inventory.
    assert question["required"] or option["default"] == question["default"] == ""
    if "default" in option:
        assert question["default"] == str(option["default"]).lower()


def test_a_survey_leaves_out_no_variable_without_which_a_playbook_does_nothing() -> None:
    asked = {question["variable"] for question in TEMPLATES["image trust break-glass"]["survey_spec"]["spec"]}
    by_the_playbook = {"break_glass_who", "gatekeeper_kubeconfig"}
    needed = {name for name, option in variables("break_glass.yml").items() if option.get("required") and not name.startswith(("aks_", "identity_"))}
    assert needed - by_the_playbook == asked


def test_nothing_is_changed_before_a_user_approved_what_preflight_and_audit_show() -> None:
    (workflow,) = DATA["controller_workflows"]
    nodes = {node["identifier"]: node for node in workflow[NODES]}
    follows = {name: (node.get("success_nodes", []), node.get("always_nodes", []), node.get("failure_nodes", [])) for name, node in nodes.items()}
    assert follows == {
        "preflight": (["audit"], [], []),
        # A cluster without a policy cannot be asked.
        "audit": ([], ["approve"], []),
        "approve": (["site"], [], []),
        "site": (["report"], [], []),
        "report": ([], [], []),
    }
    assert "approval_node" in nodes["approve"]
    jobs = {name: TEMPLATES[node["unified_job_template"]] for name, node in nodes.items() if name != "approve"}
    assert {name: (job["playbook"], job["job_type"]) for name, job in jobs.items()} == {name: (f"{name}.yml", "run") for name in jobs}
    assert all(job["ask_limit_on_launch"] for job in jobs.values()), "what the workflow is limited to would not reach it"


def test_a_workflow_asks_once_what_one_of_its_jobs_asks() -> None:
    (workflow,) = DATA["controller_workflows"]
    jobs = [TEMPLATES[node["unified_job_template"]] for node in workflow[NODES] if "approval_node" not in node]
    asked = [question["variable"] for job in jobs if job["survey_enabled"] for question in job["survey_spec"]["spec"]]
    assert [question["variable"] for question in workflow["survey_spec"]["spec"]] == asked == ["policy_force_deny"]


def test_the_credential_gives_what_the_modules_read() -> None:
    (kind,) = DATA["controller_credential_types"]
    fields = {field["id"]: field for field in kind["inputs"]["fields"]}
    assert set(kind["inputs"]["required"]) == set(fields) - {"cloud"}
    assert fields["token"]["secret"] is True
    given = {name: f"<{name}>" for name in fields} | {"tower": {"filename": {"token": "/a/file"}}}
    environment = {name: jinja2.Template(value, undefined=jinja2.StrictUndefined).render(given) for name, value in kind["injectors"]["env"].items()}
    assert environment == {
        "AZURE_CLIENT_ID": "<client>",
        "AZURE_TENANT": "<tenant>",
        "AZURE_SUBSCRIPTION_ID": "<subscription>",
        "AZURE_CLOUD_ENVIRONMENT": "<cloud>",
        "AZURE_FEDERATED_TOKEN_FILE": "/a/file",
    }
    assert "AZURE_FEDERATED_TOKEN_FILE" in {name for method in METHODS for name in method.ENVIRONMENT}
    assert kind["injectors"]["file"] == {"template.token": "{{ token }}"}
