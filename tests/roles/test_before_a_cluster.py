"""What roles for clusters say in a check before there is one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.certificates import SelfSigned
from tests.support.references import MEANINGS
from tests.support.role_variables import variables

from .conftest import ROOT
from .one_play import play

POLICY = """
    - role: image_trust.azure.policy
      policy_kubeconfig: nobody
      policy_exemptions:
        - {owner: a, reason: as the page has it, ends: 2099-12-31, images: [docker.io/bitnami/*]}
        - {owner: b, reason: quoted, ends: "2099-12-30", namespaces: [legacy]}
        - {owner: c, reason: over, ends: 2020-12-31, namespaces: [legacy]}
"""
GATEKEEPER = """
    - role: image_trust.azure.gatekeeper
      gatekeeper_kubeconfig: nobody
      gatekeeper_validation_timeout: 3
      gatekeeper_failure_policy: Ignore
      gatekeeper_failure_policy_reason: a trial
"""
RATIFY = """
    - role: image_trust.azure.ratify
      ratify_kubeconfig: nobody
      ratify_client_id: nobody
      ratify_registries: [example.azurecr.io]
      ratify_inline_certificates: [{name: root, certificate: PEM}]
      ratify_trust_policies:
        - {name: web, registryScopes: [example.azurecr.io/web], trustedIdentities: ["x509.subject: C=US, ST=WA, O=X"], trustStores: ["ca:root"]}
""".replace("PEM", json.dumps(SelfSigned().pem))


def check(folder: Path, roles: str, *options: str) -> subprocess.CompletedProcess[str]:
    return play(folder, f"roles:{roles}", "--check", "--diff", *options)


def test_the_last_day_of_an_exemption_may_be_without_quotation_marks(tmp_path: Path) -> None:
    done = check(tmp_path, POLICY)
    assert done.returncode == 0, done.stdout
    created, ended = done.stdout.split("Report exemptions that have expired")
    assert "ImagesVerified images-verified spec parameters exemptions ends: 2099-12-31" in created
    assert "ImagesVerified images-verified spec parameters exemptions ends: 2099-12-30" in created
    assert "2020-12-31" not in created
    assert '"ends": "2020-12-31"' in ended


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        (RATIFY + "      ratify_values: {provider: {timeout: {validationTimeoutSeconds: 9}}}\n", "ratify_validation_timeout (9 s) has to be smaller"),
        (RATIFY + "      ratify_values: {provider: {timeout: {mutationTimeoutSeconds: 14}}}\n", "ratify_mutation_timeout (14 s) must not be greater"),
        (GATEKEEPER + RATIFY, "validating webhook (3 s)"),
    ],
    ids=["validation", "mutation", "webhook"],
)
def test_ratifys_time_outs_are_compared_with_gatekeepers_also_when_they_come_by_the_charts_values(tmp_path: Path, roles: str, said: str) -> None:
    done = check(tmp_path, roles)
    assert done.returncode != 0
    assert said in done.stdout.replace("\n", " ")


def test_what_gatekeeper_says_of_itself_is_what_the_chart_gets(tmp_path: Path) -> None:
    done = check(tmp_path, f"{GATEKEEPER}  post_tasks:\n    - ansible.builtin.debug: {{var: gatekeeper_result}}\n")
    assert done.returncode == 0, done.stdout
    assert '"failure_policy": "Ignore"' in done.stdout
    assert '"validation_timeout": 3' in done.stdout.replace('"3"', "3")


ROLES = {"gatekeeper": GATEKEEPER, "ratify": RATIFY}
REFUSED = {
    "gatekeeper": (
        """
        logDenies: true
        replicas: 1
        image: {release: v3.17.0, pullPolicy: Always}
        validatingWebhookFailurePolicy: Ignore
        validatingWebhookExemptNamespacesLabels: {team: [a]}
        disableValidatingWebhook: true
        emitAdmissionEvents: true
        controllerManager: {exemptNamespaces: [a], resources: {}}
        validatingWebhookAnnotations: null
        mutatingWebhookMatchConditions: []
        """,
        "replicas: set gatekeeper_replicas; "
        "image.release: set gatekeeper_chart_version; "
        "validatingWebhookFailurePolicy: set gatekeeper_failure_policy; "
        "validatingWebhookExemptNamespacesLabels: set gatekeeper_exempt_namespaces; "
        "disableValidatingWebhook: leave it out; "
        "emitAdmissionEvents: set gatekeeper_admission_events; "
        "controllerManager.exemptNamespaces: set gatekeeper_exempt_namespaces; "
        "validatingWebhookAnnotations.admissions.enforcer/disabled: leave it out; "
        "validatingWebhookAnnotations.image-trust.azure/fails-open: set gatekeeper_failure_policy_reason; "
        "mutatingWebhookMatchConditions: leave it out",
    ),
    "ratify": (
        """
        logger: {level: debug}
        notationCerts: [mine]
        cosign: {enabled: true}
        sbom: {enabled: true}
        """,
        "notationCerts: set ratify_inline_certificates; cosign: set ratify_cosign_keys; sbom: leave it out",
    ),
}


@pytest.mark.parametrize(("role", "values", "said"), [(role, *refused) for role, refused in REFUSED.items()], ids=REFUSED)
def test_values_of_a_chart_that_open_a_bypass_or_have_a_variable_are_refused_each_with_the_remedy(tmp_path: Path, role: str, values: str, said: str) -> None:
    done = check(tmp_path, f"{ROLES[role]}      {role}_values:{values}")
    assert done.returncode != 0, done.stdout
    assert f"{role}_values must not have {said}. " in " ".join(done.stdout.split())


WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "gatekeeper": (
        {
            "gatekeeper_replicas": 0,
            "gatekeeper_response_cache": "8760h",
            "gatekeeper_exempt_namespaces": [{"name": "team-*", "reason": "theirs"}],
            "gatekeeper_failure_policy_reason": "",
        },
        (
            "gatekeeper_replicas is 0",
            "gatekeeper_response_cache is '8760h'",
            "gatekeeper_exempt_namespaces has 'team-*'",
            "gatekeeper_failure_policy_reason is empty",
        ),
    ),
    "ratify": (
        {"ratify_replicas": 0, "ratify_chart_version": "1.15.3", "ratify_values": {"sbom": {}, "oras": {"cache": {"ttl": 9999}}}},
        ("ratify_replicas is 0", "Chart 1.15.3 with Ratify", "ratify_values.oras.cache.ttl is 9999", "ratify_values must not have sbom"),
    ),
}


def given(role: str) -> dict[str, Any]:
    """The variables with which these tests run the role."""
    [entry] = yaml.safe_load(ROLES[role])
    return {name: value for name, value in entry.items() if name != "role"}


def require(role: str) -> str:
    """A task that requires that the role's check found nothing."""
    found = f"{role}_check.findings"
    return f"    - ansible.builtin.assert: {{that: {found} | length == 0, fail_msg: \"{{{{ {found} | join(' ') }}}}\"}}\n"


def checking(role: str) -> str:
    """As a playbook asks for the check of a role alone."""
    check = f"    - ansible.builtin.include_role: {{name: image_trust.azure.{role}, tasks_from: check, public: true}}\n"
    return f"tasks:\n{check}" + require(role)


@pytest.mark.parametrize("role", WRONG)
def test_all_that_is_wrong_with_a_roles_variables_is_reported_at_once_by_the_role_and_by_its_check_alone(tmp_path: Path, role: str) -> None:
    wrong, sentences = WRONG[role]
    for content in (f"roles: [image_trust.azure.{role}]", checking(role)):
        done = play(tmp_path, content, "-e", json.dumps({**given(role), **wrong}))
        assert done.returncode == 2, done.stdout
        assert [sentence for sentence in sentences if sentence not in " ".join(done.stdout.split())] == []


HELM_4 = "Helm v4.3.2 does not work with kubernetes.core "


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("content", ["the check alone", "present", "absent"])
def test_helm_4_is_refused_with_an_older_kubernetes_core_before_the_cluster_is_asked(tmp_path: Path, role: str, content: str) -> None:
    tasks = checking(role) if content == "the check alone" else f"roles: [image_trust.azure.{role}]"
    variables = {**given(role), **({} if content == "the check alone" else {f"{role}_state": content})}
    older = collection(tmp_path, "6.3.0")
    done = play(tmp_path, tasks, "-e", json.dumps(variables), helm="v4.3.2", collections=older)
    assert done.returncode == 2, done.stdout
    assert f"{HELM_4}6.3.0. Install Helm 3, or Helm 4 with kubernetes.core 6.4.0 or newer." in " ".join(done.stdout.split())


@pytest.mark.parametrize(("helm", "kubernetes_core"), [("v4.3.2", "6.4.0"), ("v3.22.0", "6.2.0")])
def test_helm_4_with_kubernetes_core_6_4_and_helm_3_pass(tmp_path: Path, helm: str, kubernetes_core: str) -> None:
    for role in ROLES:
        done = play(tmp_path, checking(role), "-e", json.dumps(given(role)), helm=helm, collections=collection(tmp_path, kubernetes_core))
        assert done.returncode == 0, done.stdout


def collection(folder: Path, version: str) -> Path:
    """A path of collections that has the installed kubernetes.core, which says that it is this version."""
    installed, named = Path(sysconfig.get_path("purelib"), "ansible_collections/kubernetes/core"), folder / version / "ansible_collections/kubernetes/core"
    if not named.exists():
        named.mkdir(parents=True)
        for name in ("meta", "plugins"):
            (named / name).symlink_to(installed / name)
        (named / "MANIFEST.json").write_text(json.dumps({"collection_info": {"namespace": "kubernetes", "name": "core", "version": version}}))
    return folder / version


VALUES = {"gatekeeper": "__gatekeeper_values", "ratify": "__ratify_chart_values"}
ORDERED = {"gatekeeper_replicas": 10, "gatekeeper_min_available": 9, "ratify_gatekeeper_validation_timeout": 10, "ratify_validation_timeout": 9}
"""Numbers that have another order as text."""


def rendered(folder: Path, role: str, values: str = "", **variables: Any) -> dict[str, Any]:
    """What the role gives to its chart, once its check has passed; `values` is the expression for it."""
    written = folder / "values.json"
    tasks = f"    - ansible.builtin.copy: {{dest: {written}, content: '{{{{ {values or VALUES[role]} | to_json }}}}'}}\n"
    found = {"exempt_namespaces": [], "has_other_constraints": False}
    known = {
        **given(role),
        "ratify_tenant_id": "none",
        "ratify_vault_uris": ["none"],
        "__gatekeeper_found": found,
        "ansible_python_interpreter": sys.executable,
    }
    done = play(folder, checking(role) + tasks, "-e", json.dumps({**known, **variables}))
    assert done.returncode == 0, done.stdout
    return dict(json.loads(written.read_text()))


@pytest.mark.parametrize("role", VALUES)
def test_a_chart_is_installed_where_helm_has_another_one_or_failed(tmp_path: Path, role: str) -> None:
    wanted, base = rendered(tmp_path, role, f"__{role}_wanted"), {"exempt_namespaces": [], "has_other_constraints": False}
    deployed: dict[str, Any] = {"current": wanted, "installed": {"status": "deployed"}}
    another, failed = {**deployed, "current": {**wanted, "values": {}}}, {**deployed, "installed": {"status": "failed"}}
    task = f"    - ansible.builtin.debug: {{msg: 'differs {{{{ __{role}_differs }}}}'}}\n      vars: {{__{role}_found: '{{{{ item }}}}'}}\n      loop: "
    known = {**given(role), "ratify_tenant_id": "none", "ratify_vault_uris": ["none"]}
    done = play(
        tmp_path,
        checking(role) + task + json.dumps([{**base, **case} for case in (deployed, another, failed, {"current": None, "installed": None})]),
        "-e",
        json.dumps(known),
    )
    assert re.findall(r"differs (\w+)", done.stdout) == ["False", "True", "True", "True"], done.stdout


LINUX = {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}


def test_ratify_goes_to_linux_nodes_also_with_an_affinity_of_ones_own(tmp_path: Path) -> None:
    preferred = [{"weight": 1, "preference": {"matchExpressions": [{"key": "pool", "operator": "In", "values": ["system"]}]}}]
    own = {"affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}}
    for given_values in ({}, own):
        node_affinity = rendered(tmp_path, "ratify", '__ratify_wanted["values"]', ratify_values=given_values)["affinity"]["nodeAffinity"]
        assert node_affinity["requiredDuringSchedulingIgnoredDuringExecution"] == {"nodeSelectorTerms": [{"matchExpressions": [LINUX]}]}
        assert ("preferredDuringSchedulingIgnoredDuringExecution" in node_affinity) is bool(given_values)


@pytest.mark.parametrize("role", VALUES)
def test_a_number_or_boolean_of_the_command_line_which_is_text_becomes_what_a_typed_one_becomes(tmp_path: Path, role: str) -> None:
    options = yaml.safe_load((ROOT / f"roles/{role}/meta/argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
    defaults = {name: option["default"] for name, option in options.items() if option["type"] in ("int", "bool")}
    # Any text is true where it is taken as a boolean.
    typed = {name: not value if isinstance(value, bool) else ORDERED.get(name, value) for name, value in defaults.items()}
    for values in (defaults, typed):
        assert rendered(tmp_path, role, **{name: str(value).lower() for name, value in values.items()}) == rendered(tmp_path, role, **values)


def test_a_boolean_as_text_is_what_it_says_in_the_tasks_too(tmp_path: Path) -> None:
    done = check(tmp_path, GATEKEEPER + RATIFY, "-e", "gatekeeper_azure_policy_addon=false gatekeeper_validation_timeout=5 ratify_mutation=false")
    assert done.returncode == 0, done.stdout
    assert "values.provider.enableMutation: none -> false" in done.stdout
    done = check(tmp_path, GATEKEEPER, "-e", "gatekeeper_azure_policy_addon=true")
    assert "The cluster has the Azure Policy add-on" in " ".join(done.stdout.split())


@pytest.mark.parametrize(("policy", "annotation"), [("Ignore", {"image-trust.azure/fails-open": "a trial"}), ("Fail", {})])
def test_the_webhook_says_why_it_fails_open(tmp_path: Path, policy: str, annotation: dict[str, str]) -> None:
    values = rendered(tmp_path, "gatekeeper", gatekeeper_failure_policy=policy)
    assert values["validatingWebhookAnnotations"] == {"admissions.enforcer/disabled": "true", **annotation}


@pytest.mark.parametrize(("given_variables", "on"), [({}, False), ({"gatekeeper_admission_events": True}, True)], ids=["default", "on"])
def test_events_of_denials_go_to_the_namespaces_of_the_pods_or_nowhere(tmp_path: Path, given_variables: dict[str, Any], on: bool) -> None:
    values = rendered(tmp_path, "gatekeeper", **given_variables)
    assert (values["emitAdmissionEvents"], values["admissionEventsInvolvedNamespace"]) == (on, on)


def test_every_name_of_an_image_is_mutated_and_none_with_brackets() -> None:
    condition = variables("gatekeeper")["__gatekeeper_names_only"]["expression"]
    [mutated] = re.findall(r"container\.image\.matches\('(.*)'\)", condition)
    assert [image for image, meaning in MEANINGS.items() if meaning and not re.search(mutated, image)] == []
    assert not re.search(mutated, "[default]example.azurecr.io/web:1")


def test_a_break_glass_record_beside_the_playbook_is_refused_before_the_cluster_is_asked(tmp_path: Path) -> None:
    given = {"gatekeeper_kubeconfig": "nobody", "break_glass_state": "open", "break_glass_reason": "a drill", "break_glass_who": "ops"}
    tasks = "tasks: [{ansible.builtin.include_role: {name: image_trust.azure.gatekeeper, tasks_from: break_glass}}]\n"
    done = play(tmp_path, tasks, "-e", json.dumps({**given, "break_glass_record_path": "record.jsonl"}))
    assert done.returncode == 2
    assert "The record record.jsonl is not absolute, so it would be written beside the playbook, in the collection." in " ".join(done.stdout.split())
    assert "Get how Gatekeeper is asked" not in done.stdout
    assert not (tmp_path / "record.jsonl").exists()
