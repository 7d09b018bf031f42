"""What a kubeconfig chooses, beside what the Python client of Kubernetes chooses by it."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.access import Access, AccessError, proxy_of, read
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.exec_plugin import sign_in
from kubernetes import client, config
from kubernetes.client.rest import RESTClientObject

Json = dict[str, Any]
PROXIES = [f"{name}_proxy" for name in ("http", "https", "all", "no")]


def data(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(cluster: Json, user: Json | None = None, name: str = "one") -> Json:
    """One whose context, cluster and user are all called `name`."""
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, **({"user": name} if user is not None else {})}}],
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}] if user is not None else [],
    }


def program(status: Json, **more: Any) -> Json:
    """A user who signs in by a program that prints `status`."""
    printed = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return {"exec": {"apiVersion": printed["apiVersion"], "command": "sh", "args": ["-c", f"echo '{json.dumps(printed)}'"], **more}}


SERVER = {"server": "https://api.example:6443"}
CERTIFICATES = {"client-certificate": "pki/user.crt", "client-key": "pki/user.key"}
BASIC = {"username": "ops", "password": "pass:word"}
TWO = kubeconfig(SERVER, {"token": "t"}) | {
    "contexts": [
        {"name": "one", "context": {"cluster": "one", "user": "one"}},
        {"name": "two", "context": {"cluster": "one", "user": "two", "namespace": "n"}},
    ],
    "users": [{"name": "one", "user": {"token": "t"}}, {"name": "two", "user": {"token": "of-two"}}],
}
ALIKE: dict[str, Json] = {
    "nobody": kubeconfig(SERVER),
    "a user without credentials": kubeconfig(SERVER, {}),
    "without TLS": kubeconfig({"server": "http://api.example"}, {"token": "t", **CERTIFICATES}),
    "a server with a path": kubeconfig({"server": "https://rancher.example/k8s/clusters/c-1/"}, {"token": "t"}),
    "an authority in it": kubeconfig({**SERVER, "certificate-authority-data": data("authority")}, {"token": "t"}),
    "an authority's file": kubeconfig({**SERVER, "certificate-authority": "pki/ca.crt"}, {"token": "t"}),
    "an authority's file by its whole path": kubeconfig({**SERVER, "certificate-authority": "<folder>/pki/ca.crt"}, {"token": "t"}),
    "data before a file": kubeconfig({**SERVER, "certificate-authority": "none", "certificate-authority-data": data("authority")}, {"token": "t"}),
    "no verification": kubeconfig({**SERVER, "insecure-skip-tls-verify": True}, {"token": "t"}),
    "verification": kubeconfig({**SERVER, "insecure-skip-tls-verify": False}, {"token": "t"}),
    "another name": kubeconfig({**SERVER, "tls-server-name": "kubernetes"}, {"token": "t"}),
    "a proxy": kubeconfig({**SERVER, "proxy-url": "http://proxy.example:3128"}, {"token": "t"}),
    "certificates": kubeconfig(SERVER, {"client-certificate-data": data("certificate"), "client-key-data": data("key")}),
    "certificates' files": kubeconfig(SERVER, CERTIFICATES),
    "a token and certificates": kubeconfig(SERVER, {"token": "t", **CERTIFICATES}),
    "a token's file": kubeconfig(SERVER, {"tokenFile": "token"}),
    "a token before its file": kubeconfig(SERVER, {"tokenFile": "token", "token": "t"}),
    "a token that looks like a number": kubeconfig(SERVER, {"token": 12345678}),
    "a password": kubeconfig(SERVER, BASIC),
    "a token before a password": kubeconfig(SERVER, {"token": "t", **BASIC}),
    "a program": kubeconfig(SERVER, program({"token": "printed"})),
    "a program with certificates": kubeconfig(SERVER, program({"clientCertificateData": "certificate", "clientKeyData": "key"})),
    "a program beside certificates": kubeconfig(SERVER, {**program({"token": "printed"}), **CERTIFICATES}),
    "a program's certificates before others": kubeconfig(SERVER, {**program({"clientCertificateData": "c", "clientKeyData": "k"}), **CERTIFICATES}),
    "a token before a program": kubeconfig(SERVER, {**program({"token": "printed"}), "token": "t"}),
    "a program before a password": kubeconfig(SERVER, {**program({"token": "printed"}), **BASIC}),
    "the current one of two": TWO,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    (tmp_path / "pki").mkdir()
    for name in ("ca.crt", "user.crt", "user.key"):
        (tmp_path / "pki" / name).write_text(f"content of {name}\n")
    (tmp_path / "token").write_text("from-a-file")
    return tmp_path


@dataclass(frozen=True)
class Chosen:
    """What is asked, whom to trust, and what is shown."""

    server: str
    authority: str | None
    verified: bool
    tls_server_name: str | None
    proxy: str | None
    authorization: str | None
    certificate: str | None
    key: str | None


def of_file(path: str | None) -> str | None:
    return Path(path).read_text() if path else None


def theirs(path: str, context: str | None = None) -> Chosen:
    found = client.Configuration()
    config.load_kube_config(path, context, found, persist_config=False)
    pool = RESTClientObject(found).pool_manager if not found.ssl_ca_cert else None
    proxy = str(pool.proxy) if isinstance(pool, urllib3.ProxyManager) else None
    files = map(of_file, (found.cert_file, found.key_file))
    return Chosen(found.host, of_file(found.ssl_ca_cert), found.verify_ssl, found.tls_server_name, proxy, found.api_key.get("BearerToken"), *files)


def chosen(access: Access) -> Chosen:
    shown = sign_in(access.plugin, access.credentials) if access.plugin else access.credentials
    trusted = (access.server, access.authority, access.verified, access.tls_server_name, access.proxy)
    return Chosen(*trusted, shown.authorization, shown.certificate, shown.key)


def written(folder: Path, content: Any, name: str = "kubeconfig") -> str:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (folder / name).write_text(text.replace("<folder>", str(folder)))
    return str(folder / name)


@pytest.mark.parametrize("content", ALIKE.values(), ids=ALIKE)
def test_a_kubeconfig_chooses_what_it_chooses_for_the_client_of_kubernetes(content: Json, folder: Path) -> None:
    path = written(folder, content)
    assert chosen(read(path, None)) == theirs(path)


def test_a_context_by_its_name(folder: Path) -> None:
    path = written(folder, TWO)
    assert chosen(read(path, "two")) == theirs(path, "two")
    assert read(path, "two").credentials.authorization == "Bearer of-two"


def test_of_several_files_the_first_entry_counts_and_the_last_current_context(folder: Path) -> None:
    other = folder / "other"
    (other / "pki").mkdir(parents=True)
    (other / "pki/ca.crt").write_text("content of the other ca.crt\n")
    same = kubeconfig({"server": "https://shadowed.example"}, {"token": "shadowed"})
    two = kubeconfig({"server": "https://two.example", "certificate-authority": "pki/ca.crt"}, {"token": "two"}, "two")
    paths = os.pathsep.join(
        [written(folder, kubeconfig(SERVER, {"token": "t"})), str(folder / "none"), written(folder, same, "same"), "", written(other, two)],
    )
    assert chosen(read(paths, None)) == theirs(paths)
    assert read(paths, None).authority == "content of the other ca.crt\n"
    assert chosen(read(paths, "one")) == theirs(paths, "one")
    assert read(paths, "one").server == SERVER["server"]


def test_a_user_of_another_file_has_paths_relative_to_that_file(folder: Path) -> None:
    """As kubectl; the Python client takes the cluster's folder."""
    content = kubeconfig(SERVER, CERTIFICATES)
    (folder / "apart").mkdir()
    cluster = written(folder / "apart", {key: value for key, value in content.items() if key != "users"})
    users = written(folder, {"users": content["users"]})
    assert read(f"{cluster}{os.pathsep}{users}", None).credentials.certificate == "content of user.crt\n"


def test_a_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    written(folder, kubeconfig(SERVER))
    assert read("~/kubeconfig", None).server == SERVER["server"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"https_proxy": "http://proxy.example:3128"},
        {"HTTPS_PROXY": "http://proxy.example:3128"},
        {"http_proxy": "http://proxy.example:3128"},
        {"all_proxy": "http://proxy.example:3128"},
        {"https_proxy": "http://proxy.example:3128", "no_proxy": "*"},
        {"https_proxy": "http://proxy.example:3128", "no_proxy": "other.example,api.example"},
        {"https_proxy": "http://proxy.example:3128", "NO_PROXY": "other.example, .EXAMPLE"},
        {"https_proxy": "http://proxy.example:3128", "no_proxy": "api.example:6443"},
        {"https_proxy": "http://proxy.example:3128", "no_proxy": "api.example:443,i.example,,"},
        {"https_proxy": "http://proxy.example:3128", "no_proxy": "10.0.0.0/8"},
    ],
    ids=str,
)
@pytest.mark.parametrize("server", ["https://api.example:6443", "https://10.1.2.3:6443", "http://api.example"])
@pytest.mark.parametrize("proxy", [{}, {"proxy-url": "http://own.example:3128"}], ids=["of the machine", "of the kubeconfig"])
def test_the_proxy_is_that_of_the_client_of_kubernetes(
    environment: dict[str, str], server: str, proxy: Json, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    path = written(folder, kubeconfig({"server": server, **proxy}, {"token": "t"}))
    assert chosen(read(path, None)) == theirs(path)


def test_a_proxy_without_a_scheme_is_asked_by_http() -> None:
    assert proxy_of("https://api.example", None, {"https": "proxy.example:3128"}) == "http://proxy.example:3128"


REFUSED: dict[str, tuple[Any, str]] = {
    "no such context": (kubeconfig(SERVER) | {"current-context": "gone"}, "it has no context named gone"),
    "no such cluster": (kubeconfig(SERVER) | {"clusters": None}, "it has no cluster named one"),
    "no such user": (kubeconfig(SERVER, {}) | {"users": []}, "it has no user named one"),
    "no current context": (kubeconfig(SERVER) | {"current-context": ""}, "it has no current-context: give context"),
    "no server": (kubeconfig({}), "the cluster one in it has no server"),
    "no base64": (kubeconfig({**SERVER, "certificate-authority-data": "s3cret"}), "certificate-authority-data in it is not base64"),
    "two words": (kubeconfig(SERVER, {"token": "s3cret s3cret"}), "the token of its user is not one word"),
    "a provider": (
        kubeconfig(SERVER, {"token": "s3cret", "auth-provider": {"name": "azure"}}),
        "its user signs in by the auth-provider azure: give the user an exec",
    ),
    "a terminal": (kubeconfig(SERVER, program({"token": "s3cret"}, interactiveMode="Always")), "its user signs in by sh, which wants a terminal"),
    "a program without a version": (kubeconfig(SERVER, {"exec": {"command": "s3cret"}}), "it is no YAML of that form"),
    "empty": ("", "it is no YAML of that form"),
    "a list": ("[s3cret]", "it is no YAML of that form"),
    "no YAML": ("token: [s3cret", "it is no YAML of that form"),
    "entries without names": (kubeconfig(SERVER) | {"clusters": [{"s3cret": "s3cret"}]}, "it is no YAML of that form"),
}


@pytest.mark.parametrize(("content", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_kubeconfig_of_no_use_is_refused_with_the_reason_and_without_its_secrets(content: Any, reason: str, folder: Path) -> None:
    with pytest.raises(AccessError) as refused:
        read(written(folder, content), None)
    assert str(refused.value).startswith(reason)
    assert "s3cret" not in str(refused.value)


def test_no_file_is_refused(folder: Path) -> None:
    with pytest.raises(AccessError, match="the file does not exist"):
        read(str(folder / "none"), None)


@pytest.mark.parametrize(
    ("cluster", "user"), [({"certificate-authority": "pki/none"}, {}), ({}, {"client-certificate": "pki/none"}), ({}, {"tokenFile": "pki/none"})], ids=str
)
def test_a_missing_file_is_named(cluster: Json, user: Json, folder: Path) -> None:
    with pytest.raises(OSError, match=f"No such file or directory: '{folder}/pki/none'"):
        read(written(folder, kubeconfig({**SERVER, **cluster}, user)), None)


@pytest.mark.parametrize("value", ["true", "yes please", 1, None])
def test_only_true_turns_verification_off(value: Any, folder: Path) -> None:
    assert read(written(folder, kubeconfig({**SERVER, "insecure-skip-tls-verify": value})), None).verified


def test_the_end_of_a_tokens_line_is_not_of_the_token(folder: Path) -> None:
    (folder / "token").write_text("from-a-file\n")
    assert read(written(folder, kubeconfig(SERVER, {"tokenFile": "token"})), None).credentials.authorization == "Bearer from-a-file"


def test_what_is_read_shows_no_secret(folder: Path) -> None:
    secret = {"client-certificate-data": data("public"), "client-key-data": data("s3cret"), "token": "s3cret"}
    access = read(written(folder, kubeconfig({**SERVER, "proxy-url": "http://ops:s3cret@proxy.example"}, secret)), None)
    assert "s3cret" not in f"{access}"
    plugin = read(written(folder, kubeconfig(SERVER, program({"token": "s3cret"}, env=[{"name": "A", "value": "s3cret"}]))), None).plugin
    assert "s3cret" not in f"{plugin}"
