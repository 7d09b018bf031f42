"""Which URLs are those of a blob, and which are refused before any host sees a token."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._azure.blobs import Blobs, Place, is_url, place
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import ModuleError
from ansible_collections.image_trust.azure.plugins.module_utils._azure.logins.client_secret import ClientSecret
from ansible_collections.image_trust.azure.plugins.module_utils._azure.run_cache import RunCache
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import Azure

ACCOUNT = "https://contoso.blob.core.windows.net"
STORAGE = "core.windows.net"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (f"{ACCOUNT}/image-trust/web.json", (ACCOUNT, STORAGE, "image-trust", "web.json")),
        (f"{ACCOUNT}/a00/clusters/eu/web_1.prod.json.sig", (ACCOUNT, STORAGE, "a00", "clusters/eu/web_1.prod.json.sig")),
        (f"{ACCOUNT}/image-trust/.web", (ACCOUNT, STORAGE, "image-trust", ".web")),
        (f"{ACCOUNT}/image-trust/wéb.json", (ACCOUNT, STORAGE, "image-trust", "wéb.json")),
        ("https://a1b.blob.core.chinacloudapi.cn/proofs/web", ("https://a1b.blob.core.chinacloudapi.cn", "core.chinacloudapi.cn", "proofs", "web")),
    ],
)
def test_a_url_is_account_container_and_name(url: str, found: tuple[str, str, str, str]) -> None:
    assert is_url(url)
    assert place("path", url) == Place(*found)


@pytest.mark.parametrize("path", ["web.json", "/var/lib/image-trust/web.json", "~/proofs/web.json", "$HOME/https/web.json", "contoso.blob.core.windows.net/a"])
def test_a_path_is_none(path: str) -> None:
    assert not is_url(path)


@pytest.mark.parametrize(
    "url",
    [
        "http://contoso.blob.core.windows.net/image-trust/web.json",
        "HTTPS://contoso.blob.core.windows.net/image-trust/web.json",
        "s3://image-trust/web.json",
        "file:///var/lib/image-trust/web.json",
        # Hosts that are not an account's blob endpoint.
        "https://example.com/contoso.blob.core.windows.net/web.json",
        "https://contosoXblob.core.windows.net/image-trust/web.json",
        "https://contoso.dfs.core.windows.net/image-trust/web.json",
        "https://contoso-secondary.blob.core.windows.net/image-trust/web.json",
        "https://contoso.blob.core.windows.net:8443/image-trust/web.json",
        "https://co.blob.core.windows.net/image-trust/web.json",
        "https://contoso\n.blob.core.windows.net/image-trust/web.json",
        "https://[::1/image-trust/web.json",
        # Containers: the web's is public, and names have a rule.
        f"{ACCOUNT}/$web/web.json",
        f"{ACCOUNT}/$root/web.json",
        f"{ACCOUNT}/im/web.json",
        f"{ACCOUNT}/Image-Trust/web.json",
        f"{ACCOUNT}/image--trust/web.json",
        f"{ACCOUNT}/-image-trust/web.json",
        f"{ACCOUNT}/{'a' * 64}/web.json",
        f"{ACCOUNT}/{'a-' * 32}a/web.json",
        f"{ACCOUNT}/web.json",
        # Names.
        ACCOUNT,
        f"{ACCOUNT}/",
        f"{ACCOUNT}/image-trust",
        f"{ACCOUNT}/image-trust/",
        f"{ACCOUNT}/image-trust//web.json",
        f"{ACCOUNT}/image-trust/web/",
        f"{ACCOUNT}/image-trust/../other/web.json",
        f"{ACCOUNT}/image-trust/./web.json",
        f"{ACCOUNT}/image-trust/web.",
        f"{ACCOUNT}/image-trust/web .json",
        f"{ACCOUNT}/image-trust/web%2f.json",
        f"{ACCOUNT}/image-trust/web\\x.json",
        f"{ACCOUNT}/image-trust/web.json\n",
        f"{ACCOUNT}/image-trust/{'a' * 1025}",
    ],
)
def test_any_other_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ModuleError, match=r"^path is .*, but must be such as https://contoso\.blob\.core\.windows\.net/image-trust/web\.json: ") as refused:
        place("path", url)
    assert "\n" not in refused.value.sentence
    assert refused.value.code == "InvalidInput"


@pytest.mark.parametrize(
    "url",
    [
        f"{ACCOUNT}/image-trust/web.json?sv=2024-05-04&sig=hush",
        f"{ACCOUNT}/image-trust/web.json#hush",
        f"{ACCOUNT}/image-trust/web.json?hush#hush",
        "https://user:hush@contoso.blob.core.windows.net/image-trust/web.json",
        "https://user@hush@contoso.blob.core.windows.net/image-trust/web.json",
        "http://example.com/web.json?hush",
    ],
)
def test_a_token_in_a_url_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ModuleError, match="leave it out, revoke the token") as refused:
        place("path", url)
    assert "hush" not in refused.value.sentence
    assert "sig" not in refused.value.sentence


@pytest.mark.parametrize(
    ("environment", "host", "storage"),
    [
        ("AzureCloud", "contoso.blob.core.usgovcloudapi.net", "core.windows.net"),
        ("AzureCloud", "contoso.blob.core.windows.net.example.com", "core.windows.net"),
        ("AzureCloud", "contoso.blob.example.com", "core.windows.net"),
        ("AzureUSGovernment", "contoso.blob.core.windows.net", "core.usgovcloudapi.net"),
        ("AzureChinaCloud", "contoso.blob.core.windows.net", "core.chinacloudapi.cn"),
    ],
)
@pytest.mark.parametrize("ask", [Blobs.read, Blobs.check])
def test_an_account_of_another_cloud_is_refused_before_it_sees_a_token(ask: Callable[[Blobs, str], object], environment: str, host: str, storage: str) -> None:
    azure = Azure(ClientSecret("s", environment, "the tests", "t", "c", "hush"), RunCache(None))
    with pytest.raises(ModuleError, match=f"but the storage accounts of this cloud are called https://<account>.blob.{storage}; correct it, or") as refused:
        ask(Blobs(azure, "path"), f"https://{host}/image-trust/web.json")
    assert refused.value.code == "InvalidInput"
