"""A cluster that was deleted, and is created again under its name, is another one to Azure."""

from __future__ import annotations

from tests.support.emulated import Emulated

from .conftest import Play


def issuers(azure: Emulated) -> dict[str, str]:
    """Issuer of each federated credential, by its name."""
    return {credential.name: credential.issuer for identity in azure.state.identities.values() for credential in identity.credentials.values()}


def test_ratify_s_credential_follows_a_cluster_that_was_deleted_without_the_playbooks_and_is_created_again(azure: Emulated, play: Play) -> None:
    first = play("aks", "identity").facts["aks_result"]
    (name,) = issuers(azure)
    play("aks", aks_state="absent", aks_delete_cluster="lab1")
    assert issuers(azure) == {name: first["issuer_url"]}

    predicted = play("aks", "identity", check=True)
    assert azure.writes == []
    again = play("aks", "identity")
    assert (again.errors, again.changed) == ([], predicted.changed)
    assert again.facts["aks_result"]["issuer_url"] != first["issuer_url"]
    assert again.facts["aks_result"]["kubelet_identity"] != first["kubelet_identity"]
    assert issuers(azure) == {name: again.facts["aks_result"]["issuer_url"]}
    assert play("aks", "identity").changed == azure.writes == []
