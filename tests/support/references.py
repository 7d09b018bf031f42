"""What names of images mean to a node (https://github.com/distribution/reference/blob/v0.6.0/normalize.go): cases for Rego and Python alike."""

from __future__ import annotations

SHA256, SHA384, SHA512 = "sha256:" + "1" * 64, "sha384:" + "2" * 96, "sha512:" + "3" * 128

MEANINGS: dict[str, tuple[str, str, str] | None] = {
    # Docker Hub, by every name that a node has for it
    "nginx": ("docker.io/library/nginx", "", ""),
    "nginx:1.27": ("docker.io/library/nginx", "1.27", ""),
    f"nginx@{SHA256}": ("docker.io/library/nginx", "", SHA256),
    f"nginx:1.27@{SHA256}": ("docker.io/library/nginx", "1.27", SHA256),
    "library/nginx": ("docker.io/library/nginx", "", ""),
    f"bitnami/redis@{SHA256}": ("docker.io/bitnami/redis", "", SHA256),
    "docker.io/nginx": ("docker.io/library/nginx", "", ""),
    "docker.io/library/nginx": ("docker.io/library/nginx", "", ""),
    "docker.io/a/b/c": ("docker.io/a/b/c", "", ""),
    "docker.io/library": ("docker.io/library/library", "", ""),
    "docker.io/docker.io/nginx": ("docker.io/docker.io/nginx", "", ""),
    "index.docker.io/nginx": ("docker.io/library/nginx", "", ""),
    f"index.docker.io/bitnami/redis:7@{SHA256}": ("docker.io/bitnami/redis", "7", SHA256),
    "docker.io": ("docker.io/library/docker.io", "", ""),
    "host:443": ("docker.io/library/host", "443", ""),
    "localhost": ("docker.io/library/localhost", "", ""),
    "example.com": ("docker.io/library/example.com", "", ""),
    "localhosts/web": ("docker.io/localhosts/web", "", ""),
    # which are other registries to it, though some reach the same servers
    "registry-1.docker.io/library/nginx": ("registry-1.docker.io/library/nginx", "", ""),
    "docker.io:443/library/nginx": ("docker.io:443/library/nginx", "", ""),
    "DOCKER.io/library/nginx": ("DOCKER.io/library/nginx", "", ""),
    "Index.docker.io/nginx": ("Index.docker.io/nginx", "", ""),
    "docker.io.evil.com/library/nginx": ("docker.io.evil.com/library/nginx", "", ""),
    "evil.com/docker.io/library/nginx": ("evil.com/docker.io/library/nginx", "", ""),
    "xdocker.io/nginx": ("xdocker.io/nginx", "", ""),
    "Bitnami/redis": ("Bitnami/redis", "", ""),
    # registries
    "localhost/web": ("localhost/web", "", ""),
    f"localhost:5000/x@{SHA256}": ("localhost:5000/x", "", SHA256),
    "localhost:5000/x:1": ("localhost:5000/x", "1", ""),
    f"example.azurecr.io:443/a/b-c__d:V_1.0-x@{SHA256}": ("example.azurecr.io:443/a/b-c__d", "V_1.0-x", SHA256),
    "Example.azurecr.io/web": ("Example.azurecr.io/web", "", ""),
    "10.0.0.1:5000/web": ("10.0.0.1:5000/web", "", ""),
    "registry:5000/web": ("registry:5000/web", "", ""),
    "my_registry.example/web": ("my_registry.example/web", "", ""),
    "my_registry.example:5000/web": None,
    # digests
    f"example.azurecr.io/web@{SHA384}": ("example.azurecr.io/web", "", SHA384),
    f"example.azurecr.io/web:1@{SHA512}": ("example.azurecr.io/web", "1", SHA512),
    f"example.azurecr.io/sha256@{SHA256}": ("example.azurecr.io/sha256", "", SHA256),
    f"example.azurecr.io/sha256:{'1' * 64}": ("example.azurecr.io/sha256", "1" * 64, ""),
    # not names
    "": None,
    "/": None,
    "docker.io/": None,
    "nginx:": None,
    "nginx@": None,
    "nginx:1:2": None,
    "nginx/": None,
    "a//b": None,
    "docker.io/../nginx": None,
    "docker.io/Nginx": None,
    "NGINX": None,
    "docker.io/a---.b": None,
    "-docker.io/nginx": None,
    "docker.io./nginx": None,
    " nginx": None,
    "nginx\n": None,
    f"nginx@{SHA256}\n": None,
    f"nginx@{SHA256[:-1]}": None,
    f"nginx@{SHA256}1": None,
    f"nginx@{SHA256.replace('1', 'A')}": None,
    f"nginx@{SHA256.upper()}": None,
    f"nginx@{SHA512[:-1]}": None,
    f"nginx@md5:{'1' * 32}": None,
    f"nginx@{SHA256}@{SHA256}": None,
    f"nginx@{SHA256}:1": None,
    f"docker.io@evil.com/nginx@{SHA256}": None,
    f"nginx:{'t' * 129}": None,
    f"@{SHA256}": None,
    "[shop]docker.io/library/nginx": None,
    "docker.io%2Flibrary/nginx": None,
    "https://docker.io/library/nginx": None,
    "docker.io:/nginx": None,
    "docker.io:port/nginx": None,
    "dock\u0435r.io/library/nginx": None,  # U+0435, a letter that only looks like the e of docker.io
}
"""An image's repository, tag and digest; None for what no node pulls by that name."""

IDS = [SHA256, "sha256:abc123", SHA512, "1" * 64]
"""What containerd or docker takes for the id of an image that a node has already, of any user."""

FITTING: list[tuple[str, str, bool]] = [
    *(
        (f"docker.io/{pattern}", image, True)
        for pattern in ("library/nginx", "nginx", "library/*", "*")
        for image in (f"nginx@{SHA256}", "nginx", "library/nginx:1", f"docker.io/nginx:1@{SHA256}", f"index.docker.io/library/nginx@{SHA512}")
    ),
    ("docker.io/bitnami/*", f"bitnami/redis@{SHA256}", True),
    ("docker.io/bitnami/*", f"docker.io/bitnami/redis@{SHA256}", True),
    ("docker.io/bitnami/*", f"index.docker.io/bitnami/redis@{SHA256}", True),
    ("docker.io/bitnami/redis", "bitnami/redis:7", True),
    ("index.docker.io/bitnami/*", "bitnami/redis:7", True),
    ("index.docker.io/*", "docker.io/bitnami/redis:7", True),
    ("example.azurecr.io/*", f"example.azurecr.io/a/b@{SHA256}", True),
    ("example.azurecr.io:443/web", "example.azurecr.io:443/web:1", True),
    ("localhost:5000/*", f"localhost:5000/x@{SHA256}", True),
    *(
        ("docker.io/library/*", image, False)
        for image in (
            "docker.io.evil.com/library/nginx",
            "evil.com/docker.io/library/nginx",
            "xdocker.io/library/nginx",
            "DOCKER.io/library/nginx",
            "Library/nginx",
            "docker.io:443/library/nginx",
            "registry-1.docker.io/library/nginx",
            "bitnami/nginx",
            "docker.io/libraryx/nginx",
            "localhost/library/nginx",
            "docker.io/library/Nginx",
            f"docker.io@evil.com/library/nginx@{SHA256}",
            "docker.io/library/../evil/nginx",
            "[shop]docker.io/library/nginx",
            *IDS,
        )
    ),
    *(("docker.io/*", image, False) for image in ("docker.io.evil.com/nginx", "example.azurecr.io/nginx", "Nginx/nginx", "registry:5000/nginx", *IDS)),
    ("example.azurecr.io/*", f"nginx@{SHA256}", False),
    ("example.azurecr.io/*", f"example.azurecr.io:443/web@{SHA256}", False),
    ("example.azurecr.io/*", f"Example.azurecr.io/web@{SHA256}", False),
    ("example.azurecr.io/library/nginx", f"nginx@{SHA256}", False),
    ("example.azurecr.io/nginx", "example.azurecr.io/library/nginx", False),
    ("localhost:5000/*", "localhost/x", False),
    ("docker.io/nginx/*", "nginx", False),
    ("docker.io/library/nginx", "nginx2", False),
    ("docker.io/library/nginx", f"nginx/nginx@{SHA256}", False),
    # What role policy refuses to write covers nothing more than it did.
    ("docker.io/nginx:1", "nginx:1", False),
    (f"docker.io/nginx@{SHA256}", f"nginx@{SHA256}", False),
    ("*", "nginx", False),
    ("/*", "nginx", False),
    ("", "nginx", False),
    ("docker.io/ngin*", "nginx", False),
]
"""What an exemption names, an image, and whether it covers it."""
