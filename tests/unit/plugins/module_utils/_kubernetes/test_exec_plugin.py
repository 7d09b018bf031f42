"""Programs that sign a user in, as small scripts in place of kubelogin."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes import exec_plugin
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.access import AccessError, Credentials, Plugin
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.exec_plugin import is_fresh, sign_in

V1 = "client.authentication.k8s.io/v1"
V1BETA1 = "client.authentication.k8s.io/v1beta1"
PRINTED = {"apiVersion": V1, "kind": "ExecCredential", "status": {"token": "printed"}}


def plugin(folder: Path, script: str, **more: Any) -> Plugin:
    (folder / "login").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "login").chmod(0o755)
    return Plugin(**{"command": "./login", "folder": folder, "api_version": V1, **more})


def printing(folder: Path, printed: Any, **more: Any) -> Plugin:
    (folder / "printed").write_text(printed if isinstance(printed, str) else json.dumps(printed))
    return plugin(folder, "cat printed", **more)


@pytest.mark.parametrize("version", [V1, V1BETA1])
def test_its_token_is_shown_until_it_expires(version: str, tmp_path: Path) -> None:
    status = {"token": "printed\n", "expirationTimestamp": "2030-01-01T10:00:00Z"}
    found = sign_in(printing(tmp_path, {**PRINTED, "apiVersion": version, "status": status}, api_version=version), Credentials(certificate="own", key="own"))
    assert found == Credentials("Bearer printed", "own", "own", datetime(2030, 1, 1, 10, tzinfo=UTC))


def test_its_certificate_takes_the_place_of_the_users_own(tmp_path: Path) -> None:
    status = {"clientCertificateData": "certificate", "clientKeyData": "key"}
    found = sign_in(printing(tmp_path, {**PRINTED, "status": status}), Credentials(certificate="own", key="own"))
    assert found == Credentials(None, "certificate", "key")


def test_it_is_given_what_the_kubeconfig_says_and_has_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")
    script = 'echo "$@" >asked; echo "$AZURE_CLIENT_ID $AZURE_TENANT_ID" >>asked; echo "$KUBERNETES_EXEC_INFO" >>asked; cat >>asked; cat printed'
    printing(tmp_path, PRINTED)
    cluster = {"server": "https://api.example", "config": {"audience": "a"}}
    sign_in(plugin(tmp_path, script, arguments=("get-token", "--login", "spn"), environment={"AZURE_CLIENT_ID": "client"}, cluster=cluster), Credentials())
    arguments, environment, given = (tmp_path / "asked").read_text().splitlines()
    assert (arguments, environment) == ("get-token --login spn", "client tenant")
    assert json.loads(given) == {"apiVersion": V1, "kind": "ExecCredential", "spec": {"interactive": False, "cluster": cluster}}


def refusal(plugin: Plugin) -> str:
    with pytest.raises(AccessError) as refused:
        sign_in(plugin, Credentials())
    return str(refused.value)


def test_a_missing_program_is_named_with_the_hint_how_to_install_it(tmp_path: Path) -> None:
    assert refusal(Plugin("kubelogin-of-nobody", tmp_path, V1, install_hint="Get it from https://aka.ms/kubelogin.")) == (
        "the program kubelogin-of-nobody, by which its user signs in, cannot be run (No such file or directory); Get it from https://aka.ms/kubelogin"
    )


def test_a_file_that_is_no_program_is_named(tmp_path: Path) -> None:
    (tmp_path / "login").touch(mode=0o600)
    assert refusal(Plugin("./login", tmp_path, V1)) == "the program ./login, by which its user signs in, cannot be run (Permission denied)"


def test_a_program_that_fails_is_quoted_without_what_it_was_given(tmp_path: Path) -> None:
    script = 'echo usage >&2; echo "AADSTS7000215: Invalid secret $2 or $PASSWORD of $1." >&2; echo >&2; exit 3'
    failing = plugin(tmp_path, script, arguments=("spn", "argument-s3cret"), environment={"PASSWORD": "environment-s3cret"})
    said = "the program ./login, by which its user signs in, failed with exit code 3: AADSTS7000215: Invalid secret *** or *** of spn"
    assert refusal(failing) == said


def test_a_program_that_fails_in_silence(tmp_path: Path) -> None:
    assert refusal(plugin(tmp_path, "exit 1")).endswith("failed with exit code 1: it printed nothing")


def test_a_program_that_waits_for_a_user_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exec_plugin, "PATIENCE", 0.2)
    assert refusal(plugin(tmp_path, "exec sleep 60")).endswith("does not end within 0.2 seconds: it may wait for a user to sign in")


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "s3cret",
        [],
        {},
        {**PRINTED, "kind": "TokenReview"},
        {**PRINTED, "apiVersion": V1BETA1},
        {**PRINTED, "status": None},
        {**PRINTED, "status": {}},
        {**PRINTED, "status": {"clientCertificateData": "s3cret"}},
        {**PRINTED, "status": {"token": 1}},
        {**PRINTED, "status": {"token": "s3cret", "expirationTimestamp": "soon"}},
    ],
    ids=str,
)
def test_what_is_no_credential_is_refused_and_not_quoted(printed: Any, tmp_path: Path) -> None:
    assert refusal(printing(tmp_path, printed)) == f"the program ./login, by which its user signs in, printed no credentials of {V1}"


@pytest.mark.parametrize(("minutes", "fresh"), [(None, True), (6, True), (4, False), (-1, False)])
def test_credentials_are_renewed_a_little_before_they_expire(minutes: int | None, fresh: bool) -> None:
    assert is_fresh(Credentials(expires=minutes if minutes is None else datetime.now(UTC) + timedelta(minutes=minutes))) is fresh
