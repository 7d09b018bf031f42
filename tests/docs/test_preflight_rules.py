"""Each rule on the page of preflight has a test, which is named here."""

from __future__ import annotations

import ast
import functools

import pytest

from .pages import ROOT

UNIT, MODULES, RULES_OF = "tests/unit/plugins/", "tests/unit/plugins/modules/", "tests/unit/plugins/module_utils/"
CLUSTER = f"{RULES_OF}_preflight/test_cluster_rules.py::test_a_fault_is_found_with_its_level_and_the_remedy"
CONTENTS, INSTALLED = f"{RULES_OF}_preflight/test_contents.py::", f"{MODULES}test_installed_info.py::"
PREFLIGHT, SITE = f"{MODULES}test_preflight.py::", "tests/roles/test_site.py::"
AT_ONCE = f"{PREFLIGHT}test_faults_of_roles_cluster_registry_vault_and_identity_are_reported_at_once"
NETWORKS = f"{PREFLIGHT}test_networks_and_an_unfinished_change_are_warnings"
IDENTITY = f"{MODULES}test_workload_identity.py::test_what_is_refused_is_refused_before_the_first_write"
RULES = f"{RULES_OF}_preflight/test_trust_rules.py::"
TRUSTED = f"{PREFLIGHT}test_certificates_of_the_vault_are_compared_with_what_notation_takes_and_the_policies_trust"
LEASE = f"{CONTENTS}test_a_cluster_that_another_run_configures_is_refused_and_in_a_check_a_warning"
TESTED: dict[str, tuple[str, ...]] = {
    "missing, or of another type: these alone, before anything else is checked": (
        f"{SITE}test_missing_variables_and_those_of_another_type_come_in_a_sentence_each",
    ),
    "what Azure, Kubernetes, Helm, Gatekeeper, Ratify or Notation would refuse, or what would admit unverified images": (
        "tests/roles/test_wrong_inventories.py::test_each_wrong_inventory_is_refused_in_few_words_and_nothing_is_written",
        "tests/roles/test_names.py::test_all_names_that_azure_does_not_take_are_refused_before_anything_is_written",
        f"{UNIT}filter/test_gatekeeper_findings.py::test_what_kubernetes_or_helm_would_refuse_later_or_would_open_the_cluster_is_refused",
        f"{UNIT}filter/test_ratify_findings.py::test_what_kubernetes_or_helm_would_refuse_later_or_would_weaken_the_verdict_is_refused",
        f"{UNIT}filter/test_chart_trust_policies.py::test_what_ratify_would_refuse_only_when_it_runs_is_refused_before",
        f"{UNIT}filter/test_chart_cosign_values.py::test_what_would_trust_too_much_or_no_signer_is_refused",
        f"{RULES_OF}_policy/test_findings.py::test_what_kubernetes_would_only_refuse_later_is_refused",
        "tests/e2e/test_trust_change.py::test_notation_refuses_the_identities",
        "tests/e2e/test_trust_change.py::test_notation_judges_the_scope_so",
    ),
    "Helm 4 with a kubernetes.core that does not know it": (
        f"{UNIT}lookup/test_helm_problems.py::test_helm_4_is_refused_with_an_older_kubernetes_core",
        "tests/roles/test_before_a_cluster.py::test_helm_4_is_refused_with_an_older_kubernetes_core_before_the_cluster_is_asked",
    ),
    "a proof that cannot be written or signed": (
        f"{SITE}test_a_proof_that_cannot_be_written_is_one_of_the_faults",
        f"{SITE}test_a_url_of_a_proof_that_is_none_of_a_blob_is_one_of_the_faults",
        f"{MODULES}test_proof_blobs.py::test_a_container_that_cannot_be_written_to_is_found_before_and_after",
        f"{MODULES}test_proof_vault.py::test_a_key_without_a_permission_is_found_before_anything_is_recorded",
    ),
    "a variable that begins like those of a role and belongs to none, with the nearest name. Yours are named in `preflight_own_variables`": (
        f"{SITE}test_a_misspelt_variable_is_named_with_the_right_one_unless_it_is_the_inventorys_own",
    ),
    "missing, without `aks_create`": (
        f"{PREFLIGHT}test_a_missing_cluster_is_refused_or_created_as_it_is_asked",
        f"{SITE}test_a_misspelt_host_creates_no_cluster",
    ),
    "in another location": (AT_ONCE,),
    "being deleted": (CLUSTER,),
    "stopped": (CLUSTER, AT_ONCE),
    "being changed now: the role aks waits": (CLUSTER,),
    "its last change failed": (CLUSTER, NETWORKS),
    "the Azure Policy add-on, AKS Automatic, deployment safeguards, Image Integrity: each brings Azure Policy's own Gatekeeper": (
        CLUSTER,
        f"{SITE}test_the_azure_policy_add_on_is_refused_before_the_issuer_is_turned_on",
    ),
    "Kubernetes before 1.30, without ValidatingAdmissionPolicy in `v1`": (CLUSTER,),
    "node pools with Windows": (CLUSTER,),
    "Kubernetes above the newest version that is [tested](releases.md)": (
        CLUSTER,
        "tests/docs/test_releases.py::test_preflight_knows_the_newest_kubernetes_of_the_page",
    ),
    "nodes without a managed identity": (f"{PREFLIGHT}test_the_kubeconfig_and_the_nodes_permissions_are_evaluated_too",),
    "a login that does not administer a cluster with Entra ID": (
        f"{MODULES}test_aks_kubeconfig_entra.py::test_aks_cluster_refuses_a_login_that_is_no_administrator_before_the_first_write",
    ),
    "an OIDC issuer that will be turned on": (CLUSTER,),
    "missing": (AT_ONCE, IDENTITY),
    "missing, or deleted and to be recovered": (AT_ONCE, f"{PREFLIGHT}test_a_deleted_vault_is_refused_with_how_to_recover_it"),
    "of an unknown mode": (IDENTITY,),
    "no public network access": (NETWORKS,),
    "closed to every cluster": (AT_ONCE, "tests/roles/test_vault.py::test_a_vault_that_no_cluster_reaches_is_refused_before_the_identity_is_made"),
    "certificates by which Ratify could not verify": (
        "tests/roles/test_vault.py::test_a_leaf_without_its_chain_is_refused_before_the_identity_is_made",
        f"{MODULES}test_keyvault_info.py::test_a_certificate_that_is_not_in_the_vault_is_found",
    ),
    "a self-signed one whose usage Notation does not take": (TRUSTED, f"{RULES}test_what_notation_does_not_take_or_will_not_is_found"),
    "a certificate that expired, or expires within `verify_warn_days`": (TRUSTED, f"{RULES}test_what_notation_does_not_take_or_will_not_is_found"),
    "a scope in a registry at which Ratify does not log in": (
        f"{PREFLIGHT}test_a_scope_outside_of_all_registries_is_a_warning",
        f"{RULES}test_a_scope_in_a_registry_without_a_login_is_a_warning",
    ),
    "an identity that no certificate of the vaults has, where all are self-signed": (
        TRUSTED,
        f"{RULES}test_an_identity_that_no_self_signed_certificate_has_is_a_warning",
    ),
    "an image to admit in no scope of Ratify's trust, which no exemption names": (
        f"{UNIT}filter/test_verify_findings.py::test_an_image_in_no_scope_never_is",
        "tests/roles/test_wrong_inventories.py::test_each_wrong_inventory_is_refused_in_few_words_and_nothing_is_written",
    ),
    "open to some networks only": (NETWORKS,),
    "more than 20 federated credentials": (AT_ONCE, IDENTITY),
    "a credential that another cluster uses": (
        "tests/roles/test_names.py::test_a_credential_is_not_taken_from_another_cluster_and_that_is_known_before_anything_is_written",
    ),
    "another location": (IDENTITY,),
    "each action of Resource Manager that the login lacks for what would be written, with its scope": (
        f"{PREFLIGHT}test_each_permission_that_the_login_lacks_is_refused_by_action_and_scope",
    ),
    "they are not known": (f"{PREFLIGHT}test_permissions_that_are_not_known_are_a_warning",),
    "[another run](day2.md#two-runs-at-once) that configures it": (
        LEASE,
        f"{SITE}test_a_cluster_that_another_run_configures_is_refused_before_a_write_and_a_check_goes_on",
    ),
    "with `--check`, another run that configures it": (LEASE,),
    "another Gatekeeper": (f"{INSTALLED}test_another_gatekeeper_is_refused_before_the_first_installation_only",),
    "another Ratify": (f"{RULES_OF}_installed/test_ratify.py::test_a_cluster_has_room_for_one_ratify",),
    "Ratify's configuration of others": (f"{RULES_OF}_installed/test_ratify.py::test_configuration_is_foreign_unless_it_was_made_will_go_or_was_reviewed",),
    "a newer chart": (f"{CONTENTS}test_problems_of_both_programs_are_refused_together",),
    "Helm's records that cannot be read": (f"{CONTENTS}test_records_of_helm_that_cannot_be_read_are_refused",),
    "other programs that verify images, before the first installation: Kyverno, Sigstore's policy-controller, Connaisseur": (
        f"{CONTENTS}test_programs_that_verify_images_too_are_named_with_their_policies",
    ),
    "namespaces of nodes that were not reviewed, before Gatekeeper fails closed": (
        f"{INSTALLED}test_namespaces_of_nodes_are_reviewed_before_gatekeeper_fails_closed",
    ),
    "namespaces that Gatekeeper's Config or label exempts and `policy_excluded_namespaces` does not name": (
        f"{CONTENTS}test_exempt_namespaces_that_were_not_reviewed_are_refused",
        "tests/e2e/test_drift.py::test_what_others_made_and_lets_more_images_in_is_named_and_left",
    ),
    "a namespace of a pilot that does not exist": (f"{CONTENTS}test_a_pilot_in_a_namespace_that_does_not_exist_is_refused",),
    "a cluster that was opened in an emergency": (f"{INSTALLED}test_a_cluster_that_was_opened_is_closed_before_gatekeeper_is_changed",),
    "webhooks that change new pods, before the first installation": (
        f"{CONTENTS}test_other_webhooks_are_a_warning_before_the_first_installation_only",
        f"{CONTENTS}test_webhooks_that_change_new_pods_are_named",
    ),
}


def rules() -> set[str]:
    """Those of the page's two tables, in the second column and separated by semicolons."""
    lines = [line for line in (ROOT / "docs/preflight.md").read_text().splitlines() if line.startswith("|") and not line.startswith(("| about |", "|---"))]
    return {rule.strip() for line in lines for rule in line.strip("|").split("|")[1].split(";") if rule.strip()}


@functools.cache
def defined_in(path: str) -> set[str]:
    return {each.name for each in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(each, ast.FunctionDef)}


def test_each_rule_of_the_page_has_a_test_and_no_other_rule_is_named() -> None:
    assert rules() == set(TESTED)


@pytest.mark.parametrize("test", sorted({test for tests in TESTED.values() for test in tests}))
def test_the_test_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert name in defined_in(path)
