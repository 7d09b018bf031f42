"""Managed clusters whose users Entra signs in: what can be asked for, the kubeconfigs, the tokens."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import jwt
import pytest
import yaml

from lab.azure.roles import CLUSTER_ADMIN, CLUSTER_USER
from lab.config import AKS_SERVER
from tests.emulator.machine import CLUSTER, OWNER_CLIENT, OWNER_ID, OWNER_SECRET, TENANT, Lab, cluster_body, error_of

GROUP, OTHER_USER = "66666666-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-00000000000c"
ENTRA = {"managed": True, "adminGroupObjectIDs": [GROUP]}


def kubeconfig(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    [answered] = response.json()["kubeconfigs"]
    parsed: dict[str, Any] = yaml.safe_load(base64.b64decode(answered["value"]))
    return parsed


def token(lab: Lab, audience: str = AKS_SERVER) -> dict[str, Any]:
    """Claims of the owner's token."""
    form = {"grant_type": "client_credentials", "client_id": OWNER_CLIENT, "client_secret": OWNER_SECRET, "scope": f"{audience}/.default"}
    answer = lab.client.post(f"{lab.azure.login_url}/{TENANT}/oauth2/v2.0/token", data=form).json()
    return lab.azure.tokens.verify_access_token(answer["access_token"], [audience])


def test_a_cluster_with_entra_knows_its_users_before_the_operation_ends(lab: Lab) -> None:
    made = lab.cluster(aadProfile=ENTRA)["properties"]
    assert made["aadProfile"] == {**ENTRA, "enableAzureRBAC": False, "tenantID": TENANT}
    assert lab.machine.calls[-1] == (f"admit users of {TENANT}, administrators {GROUP}", "one")


def test_a_cluster_with_local_accounts_gets_entra_and_keeps_the_rest(lab: Lab) -> None:
    before = lab.cluster()["properties"]
    lab.wait(lab.call("PUT", CLUSTER, cluster_body(aadProfile={"managed": True})))
    after = lab.call("GET", CLUSTER).json()
    assert after["properties"] == {**before, "aadProfile": {"managed": True, "enableAzureRBAC": False, "tenantID": TENANT}}
    assert lab.machine.calls[-1] == (f"admit users of {TENANT}, administrators none", "one")
    lab.wait(lab.call("PUT", CLUSTER, after))
    assert lab.call("GET", CLUSTER).json() == after


def test_the_users_kubeconfig_names_the_application_to_get_a_token_for_and_holds_no_credentials(lab: Lab) -> None:
    lab.cluster(aadProfile=ENTRA)
    config = kubeconfig(lab.call("POST", f"{CLUSTER}/listClusterUserCredential", format="exec"))
    [user] = config["users"]
    arguments = user["user"]["exec"]["args"]
    assert user["user"]["exec"]["command"] == "kubelogin"
    assert (arguments[arguments.index("--server-id") + 1], arguments[arguments.index("--tenant-id") + 1]) == (AKS_SERVER, TENANT)
    assert config["contexts"][0]["context"]["user"] == user["name"] == "clusterUser_group_one"
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:14530"
    assert "certificate" not in str(user)
    older = kubeconfig(lab.call("POST", f"{CLUSTER}/listClusterUserCredential", format="azure"))
    assert older["users"][0]["user"]["auth-provider"]["config"]["apiserver-id"] == AKS_SERVER


@pytest.mark.parametrize("entra", [{}, {"aadProfile": ENTRA}])
def test_without_local_accounts_no_static_credential_is_answered(lab: Lab, entra: dict[str, Any]) -> None:
    lab.cluster(disableLocalAccounts=True, **entra)
    refused = [lab.call("POST", f"{CLUSTER}/listCluster{which}Credential") for which in (("Admin",) if entra else ("Admin", "User"))]
    for answer in refused:
        assert error_of(answer) == (400, "BadRequest")
        assert answer.json()["error"]["message"] == "Getting static credential is not allowed because this cluster is set to disable local accounts."


def test_the_administrators_credential_needs_a_permission_of_its_own(lab: Lab) -> None:
    lab.cluster(aadProfile=ENTRA)
    lab.assign(CLUSTER_USER, OTHER_USER)
    theirs = lab.token(OTHER_USER)
    assert error_of(lab.call("POST", f"{CLUSTER}/listClusterAdminCredential", token=theirs)) == (403, "AuthorizationFailed")
    lab.assign(CLUSTER_ADMIN, OTHER_USER)
    assert yaml.safe_dump(kubeconfig(lab.call("POST", f"{CLUSTER}/listClusterAdminCredential", token=theirs))) == lab.machine.kubeconfig("one")


@pytest.mark.parametrize(
    "profile",
    [
        {"managed": False},
        {"serverAppID": OWNER_CLIENT},
        {"managed": True, "enableAzureRBAC": True},
        {"managed": True, "adminGroupObjectIDs": ["administrators"]},
    ],
)
def test_what_azure_or_the_lab_cannot_do_is_refused(lab: Lab, profile: dict[str, Any]) -> None:
    assert error_of(lab.call("PUT", CLUSTER, cluster_body(aadProfile=profile))) == (400, "InvalidParameter")
    lab.cluster()
    assert error_of(lab.call("PUT", CLUSTER, cluster_body(aadProfile=profile))) == (400, "InvalidParameter")
    assert "aadProfile" not in lab.call("GET", CLUSTER).json()["properties"]


def test_azure_never_takes_entra_away_again_but_the_lab_can(lab: Lab) -> None:
    before = lab.cluster()
    lab.wait(lab.call("PUT", CLUSTER, cluster_body(aadProfile=ENTRA, disableLocalAccounts=True)))
    assert error_of(lab.call("PUT", CLUSTER, cluster_body(aadProfile={"managed": False}))) == (400, "InvalidParameter")
    assert lab.client.delete("/lab/clusters/one/entra").status_code == 204
    assert lab.call("GET", CLUSTER).json() == before
    assert lab.machine.calls[-1] == ("forget users of Entra", "one")
    assert lab.client.delete("/lab/clusters/two/entra").status_code == 404


def test_a_token_for_aks_tells_the_groups_and_others_do_not(lab: Lab) -> None:
    assert "groups" not in token(lab)
    lab.state.groups[GROUP] = [OWNER_ID]
    lab.state.groups["66666666-0000-0000-0000-000000000002"] = [OTHER_USER]
    assert token(lab)["groups"] == [GROUP]
    assert "groups" not in token(lab, "https://vault.azure.net")


def test_the_issuer_of_the_tokens_is_found_as_kubernetes_looks_for_it(lab: Lab) -> None:
    found = lab.client.get(f"{lab.azure.login_url}/{TENANT}/.well-known/openid-configuration").json()
    keys = jwt.PyJWKSet.from_dict(lab.client.get(found["jwks_uri"]).json())
    signed = lab.token(audience=AKS_SERVER)
    claims = jwt.decode(signed, keys[jwt.get_unverified_header(signed)["kid"]].key, algorithms=["RS256"], audience=AKS_SERVER, issuer=found["issuer"])
    assert claims["iss"] == f"https://sts.windows.net/{TENANT}/"
