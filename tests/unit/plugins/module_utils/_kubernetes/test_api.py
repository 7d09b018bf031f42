"""How a cluster is asked: whom it trusts and is shown, and how long it is asked that does not answer, or has too much to do."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes import api as _cluster_api
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.api import PAUSE, TIMEOUT, ClusterApi, ClusterError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from lab.pki import Authority
from tests.support.kubernetes_api import serving


@pytest.mark.parametrize("method", ["get", "delete"])
def test_a_cluster_that_does_not_answer_is_given_up_within_a_minute(method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    over = threading.Event()
    monkeypatch.setattr(_cluster_api, "TIMEOUT", (5, 0.2))
    with serving(lambda *_asked: (200, {"over": over.wait(10)}), tmp_path / "kubeconfig", asked):
        api = ClusterApi(str(tmp_path / "kubeconfig"))
        with pytest.raises(ClusterError, match="it does not answer"):
            api.get("/version") if method == "get" else api.delete("/version")
        over.set()
    assert len(asked) * sum(TIMEOUT) + PAUSE <= 60


def test_a_cluster_that_has_too_much_to_do_is_asked_once_more_and_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([(429, {}), (200, {"gitVersion": "v1.36.4"})])
    monkeypatch.setattr(_cluster_api, "PAUSE", 0.01)
    with serving(lambda *_asked: next(answers), tmp_path / "kubeconfig"):
        api, begun = ClusterApi(str(tmp_path / "kubeconfig")), time.monotonic()
        assert api.get("/version") == {"gitVersion": "v1.36.4"}
        assert time.monotonic() - begun < 1


@pytest.mark.parametrize("body", [[], "text", {}], ids=str)
def test_a_refusal_that_says_nothing_is_reported_by_its_status(body: Any, tmp_path: Path) -> None:
    with serving(lambda *_asked: (500, body), tmp_path / "kubeconfig"), pytest.raises(ClusterError, match="HTTP 500 Internal Server Error") as refused:
        ClusterApi(str(tmp_path / "kubeconfig")).get("/version")
    assert (refused.value.status, refused.value.reason) == (500, "Internal Server Error")


def test_what_is_not_of_an_api_server_is_reported(tmp_path: Path) -> None:
    page: Any = "please sign in"
    said = "it answers GET /version with something else than JSON"
    with serving(lambda *_asked: (200, page), tmp_path / "kubeconfig"), pytest.raises(ClusterError, match=said):
        ClusterApi(str(tmp_path / "kubeconfig")).get("/version")


@dataclass(frozen=True)
class Tls:
    """An API server's certificate authority, and the certificates that it issued: for the server, and for a client."""

    folder: Path

    @cached_property
    def authority(self) -> Authority:
        return Authority.kept(self.folder, "the cluster's authority")

    def server(self, *names: str, client_certificates: bool = False) -> ssl.SSLContext:
        """A server with these `names`, which may want certificates of its clients."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.authority.issue(self.folder / "server", "the server", names=names))
        if client_certificates:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.trusted)
        return context

    @property
    def trusted(self) -> Path:
        assert self.authority
        return self.folder / "ca.crt"

    @property
    def client(self) -> dict[str, str]:
        """The fields of a user with a certificate."""
        files = self.authority.issue(self.folder / "client", "somebody")
        return {f"client-{name}-data": data(file.read_bytes()) for name, file in zip(("certificate", "key"), files, strict=True)}


def data(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path / "pki")


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file to write, where certificates are read from as well; temporary files are made in a folder of their own."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "kubeconfig"


def version(kubeconfig: Path) -> dict[str, Any]:
    return ClusterApi(str(kubeconfig)).get("/version")


def always(*_asked: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"gitVersion": "v1.36.4"}


def reading(_method: str, path: str, query: str, body: Any) -> tuple[int, dict[str, Any]]:
    return 200, {"path": path, "query": query, "body": body}


@pytest.mark.parametrize("field", ["certificate-authority", "certificate-authority-data"])
def test_a_server_of_the_kubeconfigs_authority_is_asked(field: str, tls: Tls, kubeconfig: Path) -> None:
    cluster = {field: data(tls.trusted.read_bytes()) if field.endswith("data") else "pki/ca.crt"}
    with serving(always, kubeconfig, tls=tls.server("127.0.0.1"), cluster=cluster):
        assert version(kubeconfig) == {"gitVersion": "v1.36.4"}


def test_an_authority_of_an_older_cluster_lacks_extensions(tls: Tls, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As clouds made them once: https://github.com/kubernetes-client/python/issues/2394. urllib3 wants the extensions from Python 3.13 on."""
    strict = ssl.create_default_context()
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    monkeypatch.setattr(_cluster_api, "create_urllib3_context", lambda **_settings: strict)
    server = tls.server("127.0.0.1")
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    issuer, day = tls.authority.certificate.subject, timedelta(days=1)
    bare = x509.CertificateBuilder(issuer, x509.Name([]), key.public_key(), x509.random_serial_number(), now - day, now + day)
    bare = bare.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
    pem = bare.sign(tls.authority.key, hashes.SHA256()).public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tls.folder / "bare").write_bytes(pem)
    server.load_cert_chain(tls.folder / "bare")
    with serving(always, kubeconfig, tls=server, cluster={"certificate-authority": "pki/ca.crt"}):
        assert version(kubeconfig) == {"gitVersion": "v1.36.4"}


def test_a_server_of_another_authority_is_not_asked(tls: Tls, kubeconfig: Path) -> None:
    other = data(Tls(kubeconfig.parent / "other").trusted.read_bytes())
    for cluster in ({"certificate-authority-data": other}, {}):
        with serving(always, kubeconfig, tls=tls.server("127.0.0.1"), cluster=cluster), pytest.raises(ClusterError, match=r"does not answer.*VERIFY_FAILED"):
            version(kubeconfig)


def test_a_server_of_no_known_authority_is_asked_where_nothing_is_verified(tls: Tls, kubeconfig: Path) -> None:
    with serving(always, kubeconfig, tls=tls.server("elsewhere"), cluster={"insecure-skip-tls-verify": True}), pytest.warns(match="Unverified HTTPS request"):
        assert version(kubeconfig) == {"gitVersion": "v1.36.4"}


OTHER_NAME = "does not answer.*(VERIFY_FAILED|doesn't match)"
"""As urllib3 2 and 1 say it."""


def test_a_server_is_asked_under_its_name_only(tls: Tls, kubeconfig: Path) -> None:
    cluster = {"certificate-authority": "pki/ca.crt"}
    with serving(always, kubeconfig, tls=tls.server("kubernetes"), cluster=cluster), pytest.raises(ClusterError, match=OTHER_NAME):
        version(kubeconfig)
    with serving(always, kubeconfig, tls=tls.server("kubernetes"), cluster={**cluster, "tls-server-name": "kubernetes"}):
        assert version(kubeconfig) == {"gitVersion": "v1.36.4"}
    with (
        serving(always, kubeconfig, tls=tls.server("kubernetes"), cluster={**cluster, "tls-server-name": "another"}),
        pytest.raises(ClusterError, match=OTHER_NAME),
    ):
        version(kubeconfig)


def test_a_client_certificate_is_shown_and_its_key_does_not_stay_on_the_disk(tls: Tls, kubeconfig: Path) -> None:
    cluster, server = {"certificate-authority": "pki/ca.crt"}, tls.server("127.0.0.1", client_certificates=True)
    with serving(always, kubeconfig, tls=server, cluster=cluster, user=tls.client):
        assert version(kubeconfig) == {"gitVersion": "v1.36.4"}
    with serving(always, kubeconfig, tls=server, cluster=cluster, user={"client-certificate": "pki/client.crt", "client-key": "pki/client.key"}):
        assert version(kubeconfig) == {"gitVersion": "v1.36.4"}
    with serving(always, kubeconfig, tls=server, cluster=cluster), pytest.raises(ClusterError, match="it does not answer"):
        version(kubeconfig)
    assert list(Path(tempfile.gettempdir()).iterdir()) == []


def test_a_key_is_readable_by_its_owner_only_while_it_is_loaded(tls: Tls, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: dict[str, int] = {}
    load = ssl.SSLContext.load_cert_chain

    def noting(context: ssl.SSLContext, certificate: Path, key: Path, password: str) -> None:
        modes.update({path.name: path.stat().st_mode & 0o777 for path in (certificate, key, key.parent)})
        load(context, certificate, key, password)

    with serving(always, kubeconfig, tls=tls.server("127.0.0.1"), cluster={"certificate-authority": "pki/ca.crt"}, user=tls.client):
        monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", noting)
        version(kubeconfig)
    assert sorted(modes.values()) == [0o600, 0o600, 0o700]


def encrypted(tls: Tls) -> bytes:
    return tls.authority.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"s3cret"))


@pytest.mark.parametrize(
    ("field", "content", "reason"),
    [
        ("client-key-data", lambda _tls: b"s3cret", "client-certificate and client-key of its user are no certificate and its key"),
        ("client-key-data", encrypted, "client-certificate and client-key of its user are no certificate and its key"),
        ("client-certificate-data", lambda tls: tls.trusted.read_bytes(), "are no certificate and its key (KEY_VALUES_MISMATCH)"),
        ("certificate-authority-data", lambda _tls: b"s3cret", "certificate-authority in it holds no certificate (PEM)"),
    ],
    ids=["no key", "an encrypted key", "another key", "no authority"],
)
def test_what_is_no_certificate_or_key_is_reported_before_the_server_is_asked(
    field: str, content: Callable[[Tls], bytes], reason: str, tls: Tls, kubeconfig: Path
) -> None:
    asked: list[Any] = []
    cluster = {"certificate-authority": "pki/ca.crt"}
    wrong = {field: data(content(tls))}
    user = {**tls.client, **(wrong if field.startswith("client") else {})}
    with serving(always, kubeconfig, asked, tls=tls.server("127.0.0.1"), cluster={**cluster, **(wrong if user == tls.client else {})}, user=user):
        with pytest.raises(ClusterError) as refused:
            version(kubeconfig)
        assert f"the kubeconfig {kubeconfig} cannot be used: " in str(refused.value)
        assert reason in str(refused.value)
        assert "s3cret" not in str(refused.value)
    assert asked == []


@pytest.mark.parametrize(
    ("user", "shown"),
    [
        ({}, None),
        ({"token": "of-somebody"}, "Bearer of-somebody"),
        ({"username": "ops", "password": "ö"}, "Basic b3BzOsO2"),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./login", "interactiveMode": "IfAvailable"}}, "Bearer printed"),
    ],
    ids=str,
)
def test_the_user_is_shown_to_the_server(user: dict[str, Any], shown: str | None, tls: Tls, kubeconfig: Path) -> None:
    login(kubeconfig, '"token": "printed"')
    headers: list[Mapping[str, str]] = []
    with serving(always, kubeconfig, tls=tls.server("127.0.0.1"), cluster={"certificate-authority": "pki/ca.crt"}, user=user, headers=headers):
        version(kubeconfig)
    assert [each.get("Authorization") for each in headers] == [shown]


def login(kubeconfig: Path, status: str) -> None:
    """A program beside the kubeconfig, which prints such a status and counts its runs."""
    printed = f'{{"apiVersion": "client.authentication.k8s.io/v1beta1", "kind": "ExecCredential", "status": {{{status}}}}}'
    file = kubeconfig.with_name("login")
    file.write_text(f"#!/bin/sh\necho >>runs\necho '{printed}'\n")
    file.chmod(0o755)


@pytest.mark.parametrize(("minutes", "runs"), [(60, 1), (1, 3)])
def test_a_program_is_run_again_only_where_its_token_is_about_to_expire(minutes: int, runs: int, kubeconfig: Path) -> None:
    expires = datetime.now(UTC) + timedelta(minutes=minutes)
    login(kubeconfig, f'"token": "printed", "expirationTimestamp": "{expires:%Y-%m-%dT%H:%M:%SZ}"')
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "./login"}}
    with serving(always, kubeconfig, user=user):
        api = ClusterApi(str(kubeconfig))
        api.get("/version")
        api.get("/version")
    assert len(kubeconfig.with_name("runs").read_text()) == runs


def test_a_missing_program_is_an_error_of_the_kubeconfig(kubeconfig: Path) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "no-kubelogin", "installHint": "See https://aka.ms/kubelogin"}}
    with serving(always, kubeconfig, user=user), pytest.raises(ClusterError) as refused:
        version(kubeconfig)
    assert str(refused.value) == (
        f"the kubeconfig {kubeconfig} cannot be used: the program no-kubelogin, by which its user signs in, cannot be run (No such file or directory); "
        "See https://aka.ms/kubelogin"
    )


@pytest.mark.parametrize(
    ("server", "asked"), [("http://api.example", ("GET", "http://api.example/version")), ("https://api.example", ("CONNECT", "api.example:443"))]
)
def test_a_proxy_is_asked_with_its_own_login(server: str, asked: tuple[str, str], kubeconfig: Path) -> None:
    sent: list[tuple[str, str, str | None]] = []
    headers: list[Mapping[str, str]] = []
    with serving(lambda *_asked: (403, {}), kubeconfig, sent, headers=headers):
        address = json.loads(kubeconfig.read_text())["clusters"][0]["cluster"]["server"].removeprefix("http://")
        cluster = {"server": server, "proxy-url": f"http://ops:s%40cret@{address}"}
        with serving(always, kubeconfig, cluster=cluster, user={"token": "t"}), pytest.raises(ClusterError) as refused:
            version(kubeconfig)
    assert sent[0][:2] == asked
    assert {each["Proxy-Authorization"] for each in headers} == {f"Basic {data(b'ops:s@cret')}"}
    assert ("Authorization" in headers[0]) is (asked[0] == "GET")
    assert "cret" not in str(refused.value)


def test_a_proxy_that_does_not_answer_is_reported_without_its_login(tls: Tls, kubeconfig: Path) -> None:
    with (
        serving(always, kubeconfig, tls=tls.server("127.0.0.1"), cluster={"proxy-url": "http://ops:s3cret@127.0.0.1:1"}),
        pytest.raises(ClusterError, match=r"it does not answer: .*proxy") as refused,
    ):
        version(kubeconfig)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("proxy", ["ftp://ops:s3cret@proxy.example", "http://ops:s3cret@[proxy.example"])
def test_a_proxy_of_another_kind_is_refused(proxy: str, kubeconfig: Path) -> None:
    with serving(always, kubeconfig, cluster={"proxy-url": proxy}), pytest.raises(ClusterError) as refused:
        version(kubeconfig)
    assert str(refused.value).endswith("the proxy on the way to its cluster is not a URL that begins with http, https or socks5")


def test_a_socks_proxy_needs_a_library(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "urllib3.contrib.socks", None)
    with serving(always, kubeconfig, cluster={"proxy-url": "socks5://proxy.example:1080"}), pytest.raises(ClusterError, match="install PySocks"):
        version(kubeconfig)


def test_a_request_says_what_it_wants_and_what_it_brings(kubeconfig: Path) -> None:
    sent: list[tuple[str, str, str | None]] = []
    headers: list[Mapping[str, str]] = []
    with serving(reading, kubeconfig, sent, headers=headers, cluster={}):
        api = ClusterApi(str(kubeconfig))
        assert api.get("/api/v1/pods", accept="application/json;as=Table", labelSelector="a in (b, c)")["query"] == "labelSelector=a in (b, c)"
        assert api.write("patch", "/api/v1/pods/p", {"a": None}, dry_run=True) == {
            "path": "/api/v1/pods/p",
            "query": "fieldManager=image-trust&dryRun=All",
            "body": {"a": None},
        }
        assert api.write("post", "/api/v1/pods", {"a": "ö"}) == {"path": "/api/v1/pods", "query": "fieldManager=image-trust", "body": {"a": "ö"}}
        api.delete("/api/v1/pods/p")
    assert [(method, content) for method, _path, content in sent] == [
        ("GET", "application/json"),
        ("PATCH", "application/merge-patch+json"),
        ("POST", "application/json"),
        ("DELETE", "application/json"),
    ]
    assert [each["Accept"] for each in headers] == ["application/json;as=Table", *["application/json"] * 3]
    assert {each["User-Agent"] for each in headers} == {"image-trust"}
