"""The signer's certificate, from an empty vault on, by the module as Ansible runs it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from lab.azure.arm.role_assignments import new_assignment
from lab.azure.keyvault import certificates, issuing
from lab.azure.keyvault.certificate_policies import completed
from lab.azure.roles import KEY_VAULT_CERTIFICATE_USER, KEY_VAULT_CERTIFICATES_OFFICER, KEY_VAULT_CRYPTO_USER, READER, Role
from lab.azure.state import Certificate, CertificateOperation, Issuer, Secret, SecretVersion, Vault, now
from tests.support.certificates import SelfSigned
from tests.support.cluster_states import chain, pem
from tests.support.emulated import OBJECT_ID, Emulated
from tests.support.module_runs import Run, agree

ASKED: dict[str, Any] = {"resource_group": "image-trust-lab", "vault_name": "image-trust-lab", "name": "contoso-signer"}
SUBJECT = "C=US, ST=WA, O=Contoso, CN=contoso.io"
HOST = "image-trust-lab.vault.azure.net"
CALLED = "certificate contoso-signer of the vault image-trust-lab"


@pytest.fixture
def vault(public_azure: Emulated) -> Vault:
    """The vault, under its public name, in which the login may manage certificates."""
    found = public_azure.state.vault_named("image-trust-lab")
    assert found
    found.registered_at = 0
    public_azure.state.settings.operation_delay = 0
    permit(found, certificates=["get", "list", "create", "update"])
    return found


def permit(vault: Vault, **permissions: list[str]) -> None:
    vault.properties["accessPolicies"] = [{"tenantId": vault.properties["tenantId"], "objectId": OBJECT_ID, "permissions": permissions}]


def writes(azure: Emulated) -> list[str]:
    """What was written into the vault; the SDK's first request, by which it learns where to log in, has no content and is refused."""
    of_vault = [each for each in azure.requests if each.host == HOST and each.method != "GET" and each.status != 401]
    return [f"{each.method} {each.path.removeprefix('/certificates/contoso-signer')}" for each in of_vault]


@pytest.fixture
def converge(run: Run, azure: Emulated, vault: Vault) -> Run:
    """Check, run, run again; what the run answers. Check and second run write nothing; check and run agree."""

    def converge_module(**options: Any) -> dict[str, Any]:
        predicted = run("keyvault_certificate", check=True, **ASKED, **options)
        assert writes(azure) == []
        result = run("keyvault_certificate", **ASKED, **options)
        assert not result.get("failed"), result
        made = writes(azure)
        assert predicted["changed"] is result["changed"] is bool(made)
        assert (predicted["new_version"], predicted["because"]) == (result["new_version"], result["because"])
        assert predicted["diff"]["before"] == result["diff"]["before"]
        agree(predicted["diff"]["after"], result["diff"]["after"])
        again = run("keyvault_certificate", **ASKED, **options)
        assert (again["changed"], again["new_version"], writes(azure)) == (False, False, [])
        assert again["diff"]["before"] == again["diff"]["after"] == result["diff"]["after"]
        return {**result, "writes": made}

    return converge_module


def test_from_an_empty_vault_to_a_certificate_that_notation_and_ratify_take(converge: Run, run: Run, vault: Vault) -> None:
    result = converge(subject=SUBJECT)
    assert (result["writes"], result["because"]) == (["POST /create"], "there is none")
    made = result["certificate"]
    assert sorted(made["subject"].split(",")) == sorted(SUBJECT.split(", "))
    assert made["subject"] == made["issuer"]
    assert made["policy"] == {
        "issuer": "Self",
        "subject": SUBJECT,
        "key_type": "RSA",
        "key_size": 2048,
        "curve": None,
        "exportable": False,
        "content_type": "application/x-pem-file",
        "key_usage": ["digitalSignature"],
        "extended_key_usage": ["1.3.6.1.5.5.7.3.3"],
        "validity_months": 12,
        "auto_renew": False,
        "renew_at_percent": None,
        "renew_days_before": None,
    }
    assert "PRIVATE KEY" not in vault.secrets["contoso-signer"].versions[made["version"]].value
    (version,) = run("keyvault_certificate_info", **ASKED)["versions"]
    assert (version["trust_anchor"], version["problem"], version["sha256"]) == (True, None, made["sha256"])
    assert run("keyvault_info", resource_group="image-trust-lab", name="image-trust-lab", certificates=[{"name": "contoso-signer"}])["problems"] == []


KEYS: list[dict[str, Any]] = [{"key_size": 3072}, {"curve": "P-256"}, {"curve": "P-384"}, {"key_type": "EC", "curve": "P-521"}]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_another_key_is_another_version_and_the_one_before_stays(converge: Run, run: Run, key: dict[str, Any]) -> None:
    first = converge(subject=SUBJECT)["certificate"]
    result = converge(**key)
    assert (result["writes"], result["because"]) == (["POST /create"], "its key is RSA 2048")
    assert {name: result["certificate"]["policy"][name] for name in key} == key
    found = run("keyvault_certificate_info", **ASKED)
    assert {each["version"] for each in found["versions"]} == {first["version"], result["certificate"]["version"]}
    assert found["certificate"]["version"] == result["certificate"]["version"]


def test_what_is_no_part_of_a_version_is_changed_in_place(converge: Run) -> None:
    first = converge(subject=SUBJECT)["certificate"]
    result = converge(validity_months=24, auto_renew=True, renew_at_percent=70, enabled=False)
    assert result["writes"] == ["PATCH /policy", f"PATCH /{first['version']}"]
    assert (result["certificate"]["version"], result["certificate"]["enabled"]) == (first["version"], False)
    policy = result["certificate"]["policy"]
    assert (policy["validity_months"], policy["auto_renew"], policy["renew_at_percent"]) == (24, True, 70)
    off = converge(auto_renew=False)
    assert (off["writes"], off["certificate"]["policy"]["auto_renew"]) == (["PATCH /policy"], False)
    assert off["certificate"]["enabled"] is False


def test_of_two_writes_of_which_one_fails_the_result_says_which(converge: Run, run: Run, azure: Emulated) -> None:
    version = converge(subject=SUBJECT)["certificate"]["version"]
    azure.fail(method="PATCH", path=f"/certificates/contoso-signer/{version}", status=403)
    result = run("keyvault_certificate", **ASKED, validity_months=24, enabled=False)
    assert result["msg"].endswith("Done before it: change the policy. Not done: disable the latest version.")
    assert (result["changed"], result["done"], result["not_done"]) == (True, ["change the policy"], ["disable the latest version"])
    azure.azure.faults.active.clear()
    assert run("keyvault_certificate", **ASKED, validity_months=24, enabled=False)["certificate"]["enabled"] is False


def test_a_version_is_replaced_once(converge: Run, run: Run, azure: Emulated) -> None:
    first = converge(subject=SUBJECT)["certificate"]["version"]
    second = converge(replace_version=first)
    assert (second["writes"], second["because"]) == (["POST /create"], "its replacement was asked for")
    third = converge(replace_version=second["certificate"]["version"])["certificate"]["version"]
    assert run("keyvault_certificate", **ASKED, replace_version=first)["certificate"]["version"] == third
    unknown = run("keyvault_certificate", **ASKED, replace_version="0" * 32)
    assert unknown["msg"] == f"replace_version is {'0' * 32}, which is no version of the {CALLED}."
    assert writes(azure) == []


def test_a_version_that_expires_soon_is_renewed_once(converge: Run) -> None:
    converge(subject=SUBJECT, validity_months=1)
    result = converge(validity_months=12, renew_within_days=60)
    assert result["because"].startswith("it expires on ")
    assert result["writes"] == ["POST /create"]


def test_a_named_issuer_makes_it_and_its_chain_makes_the_anchor(converge: Run, run: Run, vault: Vault) -> None:
    authority = SelfSigned()
    vault.issuers["contoso-ca"] = Issuer(authority.pem, issuing.pem_of(authority.key))
    result = converge(subject=SUBJECT, issuer="contoso-ca")
    assert (result["certificate"]["issuer"], result["certificate"]["policy"]["issuer"]) == ("CN=login of the tests", "contoso-ca")
    (version,) = run("keyvault_certificate_info", **ASKED)["versions"]
    assert (version["trust_anchor"], version["problem"].partition(":")[0]) == (False, "its chain was not read")
    permit(vault, certificates=["get", "list", "create", "update"], secrets=["get"])
    (version,) = run("keyvault_certificate_info", **ASKED)["versions"]
    assert (version["trust_anchor"], version["problem"]) == (True, None)


def pending(vault: Vault, **changed: Any) -> CertificateOperation:
    """An operation that makes what SUBJECT asks for, in the vault since another run."""
    policy = {
        "key_props": {"exportable": False},
        "secret_props": {"contentType": "application/x-pem-file"},
        "x509_props": {"subject": SUBJECT, "ekus": ["1.3.6.1.5.5.7.3.3"], "key_usage": ["digitalSignature"]},
        "lifetime_actions": [{"trigger": {"lifetime_percentage": 80}, "action": {"action_type": "EmailContacts"}}],
        "issuer": {"name": "Self"},
    }
    key = issuing.new_key({"kty": "RSA", "key_size": 2048})
    operation = CertificateOperation("1" * 32, "2" * 32, "Self", "", issuing.pem_of(key), True, {}, now() + 3600)
    vault.certificate_states["contoso-signer"] = Certificate(completed(policy, {}), now(), now(), operation.version, operation)
    for name, value in changed.items():
        setattr(operation, name, value)
    return operation


def once_waited_for(azure: Emulated, deed: Callable[[], None]) -> None:
    """What happens after the module has found that the operation is in progress."""

    def wait() -> None:
        while not any(each.path.endswith("/pending") for each in azure.requests):
            time.sleep(0.01)
        deed()

    azure.forget_requests()
    threading.Thread(target=wait, daemon=True).start()


def test_a_run_waits_for_the_version_that_another_one_began(vault: Vault, run: Run, azure: Emulated) -> None:
    operation = pending(vault)
    result = run("keyvault_certificate", check=True, **ASKED, subject=SUBJECT)
    assert (result["changed"], result["new_version"]) == (True, True)
    once_waited_for(azure, lambda: setattr(operation, "ready_at", 0))
    result = run("keyvault_certificate", **ASKED, subject=SUBJECT)
    assert (result["changed"], result["certificate"]["version"], writes(azure)) == (True, operation.version, [])


def test_the_wait_is_bounded_and_the_next_run_goes_on(vault: Vault, run: Run) -> None:
    operation = pending(vault)
    result = run("keyvault_certificate", **ASKED, subject=SUBJECT, wait_timeout=0)
    assert result["msg"].startswith(f"The {CALLED} is not made after 0 s: Pending certificate created. Certificate request is in progress.")
    assert result["msg"].endswith("Please check again later. Run again to go on waiting for it.")
    assert (result["error"]["code"], result["changed"]) == ("Timeout", True)
    operation.ready_at = 0
    assert run("keyvault_certificate", **ASKED, subject=SUBJECT)["certificate"]["version"] == operation.version


def test_a_creation_that_takes_longer_than_the_wait_is_not_begun_again(vault: Vault, run: Run, azure: Emulated) -> None:
    azure.state.settings.operation_delay = 3600
    assert run("keyvault_certificate", **ASKED, subject=SUBJECT, wait_timeout=0)["error"]["code"] == "Timeout"
    assert writes(azure) == ["POST /create"]
    operation = vault.certificate_states["contoso-signer"].operation
    assert operation
    operation.ready_at = 0
    assert run("keyvault_certificate", **ASKED, subject=SUBJECT)["certificate"]["version"] == operation.version
    assert writes(azure) == []
    # The SDK asks in a thread until it is made, which no other test may see.
    for thread in threading.enumerate():
        if thread.name.startswith("LROPoller"):
            thread.join(20)


def test_an_issuer_that_refuses_is_quoted(vault: Vault, run: Run, azure: Emulated) -> None:
    operation = pending(vault)
    operation.error = {"code": "Request rejected", "message": "The organisation is not validated."}
    once_waited_for(azure, lambda: setattr(operation, "ready_at", 0))
    result = run("keyvault_certificate", **ASKED, subject=SUBJECT)
    assert result["msg"] == f"Key Vault has not made the {CALLED}, its operation is failed: The organisation is not validated. (Request rejected)."
    assert run("keyvault_certificate", **ASKED, subject=SUBJECT)["changed"] is True


def test_a_creation_that_fails_while_it_is_waited_for_says_why(vault: Vault, run: Run, azure: Emulated) -> None:
    azure.state.settings.operation_delay = 3600

    def reject() -> None:
        operation = vault.certificate_states["contoso-signer"].operation
        assert operation
        operation.error, operation.ready_at = {"code": "Request rejected", "message": "No such organisation"}, 0

    once_waited_for(azure, reject)
    result = run("keyvault_certificate", **ASKED, subject=SUBJECT)
    assert result["msg"] == f"Key Vault has not made the {CALLED}, its operation is failed: No such organisation (Request rejected)."


def test_a_version_in_the_making_by_another_policy_is_left_to_whose_it_is(vault: Vault, run: Run, azure: Emulated) -> None:
    pending(vault)
    result = run("keyvault_certificate", **ASKED, subject=SUBJECT, curve="P-256")
    assert f"The {CALLED} has another version in the making, by another policy" in result["msg"]
    assert writes(azure) == []


def imported(vault: Vault, *, exportable: bool = False, content_type: str = "application/x-pem-file") -> None:
    signer = SelfSigned()
    value = issuing.secret_value([signer.certificate], signer.key, pem=content_type == "application/x-pem-file")
    policy = {"key_props": {"exportable": exportable}, "secret_props": {"contentType": content_type}}
    certificates.import_(vault, "contoso-signer", HOST, {"value": value, "policy": policy})


def delete(vault: Vault) -> None:
    imported(vault)
    certificates.delete(vault, "contoso-signer", HOST)


def close(vault: Vault) -> None:
    vault.properties["networkAcls"] = {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}]}


REFUSED: dict[str, tuple[Callable[[Vault], None], str]] = {
    "an exportable key": (lambda vault: imported(vault, exportable=True), f"The {CALLED} has an exportable key: a user who may read its secret can sign"),
    "PKCS#12": (lambda vault: imported(vault, content_type="application/x-pkcs12"), f"The {CALLED} has the content type application/x-pkcs12, and Ratify"),
    "an imported one": (imported, f"The {CALLED} was imported or merged, so Key Vault cannot make its next version; import that"),
    "a deleted one": (delete, f"The {CALLED} is deleted and can be recovered, which holds its name; recover it, or purge it and run again."),
    "a vault that is closed": (close, "reach the vault from a network that it allows: it refuses this machine, whatever the login may do."),
    "no permission to read": (
        lambda vault: permit(vault, certificates=["create"]),
        "does not have certificates get permission on key vault 'image-trust-lab;location=eastus'",
    ),
    "no permission to create": (lambda vault: permit(vault, certificates=["get"]), "give the login this permission in an access policy of the vault."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_and_nothing_is_written(vault: Vault, run: Run, name: str) -> None:
    prepare, sentence = REFUSED[name]
    prepare(vault)
    before = (dict(vault.certificate_states), {each: [*secret.versions] for each, secret in vault.secrets.items()})
    result = run("keyvault_certificate", **ASKED, subject=SUBJECT)
    assert result["failed"], result
    assert sentence in result["msg"]
    assert (dict(vault.certificate_states), {each: [*secret.versions] for each, secret in vault.secrets.items()}) == before


def test_bad_input_is_refused_before_azure_is_asked(vault: Vault, run: Run, azure: Emulated) -> None:
    result = run("keyvault_certificate", **ASKED, subject="C=US, ST=WA, CN=contoso.io")
    assert "it needs O" in result["msg"]
    for options in ({"name": "contoso.signer"}, {"key_size": 2048, "curve": "P-256"}, {"replace_version": "latest"}):
        assert run("keyvault_certificate", **{**ASKED, "subject": SUBJECT, **options})["error"]["code"] == "InvalidInput"
    assert azure.requests == []


def test_under_azure_rbac_the_role_counts(vault: Vault, run: Run, azure: Emulated, converge: Run) -> None:
    vault.properties["enableRbacAuthorization"] = True
    new_assignment(azure.state, vault.id, KEY_VAULT_CERTIFICATE_USER.guid, OBJECT_ID).effective_at = 0
    result = run("keyvault_certificate", **ASKED, subject=SUBJECT)
    assert "Action: 'Microsoft.KeyVault/vaults/certificates/create/action'" in result["msg"]
    assert result["msg"].endswith("assign the login a role on the vault that includes this action.")
    new_assignment(azure.state, vault.id, KEY_VAULT_CERTIFICATES_OFFICER.guid, OBJECT_ID).effective_at = 0
    assert converge(subject=SUBJECT)["changed"] is True


def test_a_token_that_the_vault_refuses_is_renewed_once(vault: Vault, run: Run, azure: Emulated, tmp_path: Any) -> None:
    options = {**ASKED, "token_cache": str(tmp_path / "cache")}
    (tmp_path / "cache").mkdir(mode=0o700)
    run("keyvault_certificate", **options, subject=SUBJECT)
    azure.fail(path="/certificates/.*", status=401, count=1)
    assert run("keyvault_certificate", **options, subject=SUBJECT)["changed"] is False


def test_a_check_from_nothing_says_what_would_be_made(vault: Vault, run: Run, azure: Emulated) -> None:
    azure.state.vaults.clear()
    result = run("keyvault_certificate", check=True, **ASKED, subject=SUBJECT)
    assert (result["changed"], result["certificate"]["version"], result["vault"]["id"]) == (True, None, None)
    assert "There is no vault image-trust-lab" in run("keyvault_certificate", **ASKED, subject=SUBJECT)["msg"]
    found = run("keyvault_certificate_info", **ASKED)
    assert (found["certificate"], found["versions"], found["vault"]) == (None, [], None)


def seeded(vault: Vault, **values: str) -> None:
    """Versions of the certificate, by their id's first digit."""
    versions = {name * 32: SecretVersion(value, "application/x-pem-file", now() + number) for number, (name, value) in enumerate(values.items())}
    vault.secrets["contoso-signer"] = Secret([*versions][-1], versions)
    vault.certificates.append("contoso-signer")


def test_each_version_says_whether_ratify_can_verify_by_it_and_why_not(vault: Vault, run: Run) -> None:
    made = chain()
    seeded(vault, a=pem("contoso.io"), b=made["leaf"], c=made["leaf"] + made["mid"] + made["root"], d=SelfSigned(-2).pem, e=pem("contoso.io"))
    vault.secrets["contoso-signer"].versions["e" * 32].enabled = False
    permit(vault, certificates=["get", "list"], secrets=["get"])
    found = {each["version"][0]: each for each in run("keyvault_certificate_info", **ASKED)["versions"]}
    assert [*found] == ["e", "d", "c", "b", "a"]
    assert {name: each["trust_anchor"] for name, each in found.items()} == {"a": True, "b": False, "c": True, "d": False, "e": False}
    assert found["a"]["problem"] is found["c"]["problem"] is None
    assert found["b"]["problem"].startswith("a certificate authority issued it and its chain is not in the vault with it")
    assert found["d"]["problem"].startswith("valid from ")
    assert found["e"]["problem"] == "disabled in the vault, Ratify does not hold it"


def test_no_certificate_is_an_empty_list_and_no_permission_is_an_error(vault: Vault, run: Run) -> None:
    assert run("keyvault_certificate_info", **ASKED)["versions"] == []
    imported(vault)
    permit(vault, certificates=["get"])
    assert "does not have certificates list permission" in run("keyvault_certificate_info", **ASKED)["msg"]
    permit(vault, secrets=["get"])
    assert "does not have certificates get permission" in run("keyvault_certificate_info", **ASKED)["msg"]


@pytest.mark.parametrize(
    ("rbac", "role", "permitted", "problem"),
    [
        (False, None, {"keys": ["Sign"]}, None),
        (False, None, {"keys": ["all"]}, None),
        (False, KEY_VAULT_CRYPTO_USER, {"keys": ["get"]}, "no access policy has the permission sign on keys"),
        (True, KEY_VAULT_CRYPTO_USER, {}, None),
        (True, None, {"keys": ["sign"]}, "none of its roles has the data action Microsoft.KeyVault/vaults/keys/sign/action"),
    ],
    ids=str,
)
def test_whether_the_login_may_sign_goes_by_the_permission_model(
    run: Run, azure: Emulated, vault: Vault, rbac: bool, role: Role | None, permitted: dict[str, list[str]], problem: str | None
) -> None:
    vault.properties["enableRbacAuthorization"] = rbac
    permit(vault, certificates=["get", "list"], **permitted)
    azure.state.role_assignments.clear()
    for given in (READER, KEY_VAULT_CERTIFICATE_USER, *([role] if role else [])):
        new_assignment(azure.state, vault.id, given.guid, OBJECT_ID).effective_at = 0
    login = run("keyvault_certificate_info", **ASKED)["login"]
    assert (login["object_id"], login["signing_problem"] is None) == (OBJECT_ID, problem is None)
    assert (problem or "") in (login["signing_problem"] or "")
