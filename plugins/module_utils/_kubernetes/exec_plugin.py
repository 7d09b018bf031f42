# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""Programs that sign a user in, such as kubelogin.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from .._programs import run
from .access import AccessError, Credentials, Plugin, bearer

PATIENCE = 60
"""Seconds for the program: it asks Entra, and would wait for a user at a browser for a quarter of an hour."""
EARLY = timedelta(minutes=5)
"""Credentials that expire this soon are renewed, as by the Python client."""
SHORT = 8
"""Arguments and values of this many characters and more may be secrets, and are not quoted."""


def sign_in(plugin: Plugin, own: Credentials) -> Credentials:
    """The credentials that the program prints, with the user's `own` client certificate where it prints none. Raises `AccessError`."""
    spec: dict[str, Any] = {"interactive": False, **({"cluster": plugin.cluster} if plugin.cluster else {})}
    asked = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    environment = {**os.environ, **plugin.environment, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
    called = f"the program {plugin.command}, by which its user signs in,"
    try:
        status, printed, error = run((plugin.command, *plugin.arguments), environment, PATIENCE, folder=plugin.folder)
    except TimeoutError:
        raise AccessError(f"{called} does not end within {PATIENCE} seconds: it may wait for a user to sign in") from None
    except OSError as e:
        hint = f"; {plugin.install_hint.rstrip('.')}" if plugin.install_hint else ""
        raise AccessError(f"{called} cannot be run ({e.strerror}){hint}") from None
    if status:
        raise AccessError(f"{called} failed with exit code {status}: {_last_line(plugin, error)}")
    try:
        return _credentials(plugin, own, json.loads(printed))
    except (ValueError, LookupError, TypeError, AttributeError):
        raise AccessError(f"{called} printed no credentials of {plugin.api_version}") from None


def is_fresh(credentials: Credentials) -> bool:
    return credentials.expires is None or credentials.expires - EARLY > datetime.now(UTC)


def _credentials(plugin: Plugin, own: Credentials, printed: Mapping[str, Any]) -> Credentials:
    status = printed["status"]
    token, certificate, expires = status.get("token"), status.get("clientCertificateData"), status.get("expirationTimestamp")
    if printed["kind"] != "ExecCredential" or printed["apiVersion"] != plugin.api_version or not (token or certificate):
        raise ValueError
    return Credentials(
        bearer(token) if token else None,
        certificate or own.certificate,
        status["clientKeyData"] if certificate else own.key,
        datetime.fromisoformat(expires).astimezone(UTC) if expires else None,
    )


def _last_line(plugin: Plugin, printed: bytes) -> str:
    """The end of what a failed program printed, without the values that it was given."""
    lines = printed.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    for given in (*plugin.arguments, *plugin.environment.values()):
        last = last.replace(given, "***") if len(given) >= SHORT else last
    return last[:300].rstrip(".")
