# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The proofs and audits of clusters as they lie on the controller, or in Blob Storage. One that cannot be read is a finding, and no error."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .._azure.blobs import Blobs, is_url
from .._azure.errors import ModuleError
from .._azure.session import Azure
from .._proof.verifying import PublicKey
from . import steps
from .report import Found
from .steps import Finding, Step

Read = Callable[[str], bytes]


class Reader:
    """Reads files, and blobs where a path is the URL of one; there is no login before the first of these."""

    def __init__(self, login: Callable[[], Azure]) -> None:
        self._login = login
        self._blobs: Blobs | None = None
        self._closed: dict[str, str] = {}
        """Why an account did not answer: it is not asked again, for that may take its time."""

    def read(self, path: str) -> bytes:
        """Raises `OSError`, and `ModuleError` where Azure is not asked, because the URL or the login's options could never be right."""
        if not is_url(path):
            return Path(path).read_bytes()
        account = path.split("/")[2]
        if account in self._closed:
            raise OSError(errno.EIO, self._closed[account])
        try:
            self._blobs = self._blobs or Blobs(self._login(), "A path in proofs")
            blob = self._blobs.read(path)
        except ModuleError as failure:
            if failure.code == "InvalidInput":
                raise
            reason = failure.sentence.rstrip(".")
            if failure.status is None:
                self._closed[account] = reason
            raise OSError(errno.EIO, reason) from None
        if not blob:
            raise FileNotFoundError(errno.ENOENT, "There is no such blob", path)
        return blob.content


@dataclass(frozen=True)
class Paths:
    """Where what is said of a cluster lies: its proof, the record of its openings, its audit."""

    cluster: str
    path: str | None
    break_glass_record: str | None
    audit: str | None
    policy_group: str | None


def find(public_key: PublicKey | None, read: Read, paths: Paths) -> Found:
    """What `_proof` finds, with the audit."""
    audit, problem = _audit(read, paths.audit)
    return replace(_proof(public_key, read, paths), audit=audit, audit_problem=problem, policy_group=paths.policy_group or None)


def _proof(public_key: PublicKey | None, read: Read, paths: Paths) -> Found:
    """The proof, whether its signature beside it is of that key (None: not checked), and the last entry of the break-glass record."""
    cluster, path = paths.cluster, paths.path
    opened, unread = _break_glass(read, paths.break_glass_record)
    if not path:
        return Found(cluster, None, problem=_unknown("No proof is written of it: verify_proof_path is not set.", steps.NO_PATH), break_glass=opened)
    try:
        content = read(path)
        signature = _signature(read, path)
    except FileNotFoundError:
        return Found(cluster, path, problem=_unknown("There is no proof of it.", steps.VERIFY), break_glass=opened)
    except OSError as error:
        return Found(cluster, path, problem=_unknown(f"Its proof cannot be read: {error.strerror}.", steps.READ_PROOF), break_glass=opened)
    proof, problem = _parsed(content)
    return Found(
        cluster=cluster,
        path=path,
        proof=proof,
        problem=problem or unread,
        sha256=hashlib.sha256(content).hexdigest(),
        signature=_said(public_key, content, signature),
        break_glass=opened,
    )


def _unknown(text: str, step: Step) -> Finding:
    return Finding("unknown", text, step)


def _parsed(content: bytes) -> tuple[Any, Finding | None]:
    try:
        return _json(content), None
    except (ValueError, RecursionError):
        return None, _unknown("Its proof is not JSON.", steps.WRITTEN_BY)


def _json(content: str | bytes) -> Any:
    """Raises ValueError, also where it has half of a character, which no file could hold, or RecursionError."""
    read = json.loads(content)
    json.dumps(read, ensure_ascii=False).encode()
    return read


def _signature(read: Read, path: str) -> bytes | None:
    try:
        return read(f"{path}.sig")
    except FileNotFoundError:
        return None


def _said(public_key: PublicKey | None, content: bytes, signature: bytes | None) -> str:
    if not public_key:
        return "not checked"
    if signature is None:
        return "missing"
    return "verified" if public_key.verifies(content, signature) else "invalid"


def _break_glass(read: Read, path: str | None) -> tuple[dict[str, Any] | None, Finding | None]:
    """The last entry, None where the cluster was never opened; and what is wrong with the record, which then could hide that it is open."""
    try:
        lines = read(path).decode().splitlines() if path else []
        last = _json(lines[-1]) if lines else None
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError, RecursionError):
        return None, _unknown(f"Its break-glass record {path} cannot be read, so it may be open.", steps.RECORD)
    if last is None or isinstance(last, dict):
        return last, None
    return None, _unknown(f"Its break-glass record {path} is not one, so it may be open.", steps.RECORD)


def _audit(read: Read, path: str | None) -> tuple[Any, Finding | None]:
    """The audit, and what is wrong with it; no cluster has to have one."""
    try:
        audit = _json(read(path)) if path else None
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, Finding("attention", f"Its audit cannot be read: {error.strerror}.", steps.READ_AUDIT)
    except (ValueError, RecursionError):
        return None, Finding("attention", "Its audit is not JSON.", steps.AUDIT)
    return audit, Finding("attention", "Its audit is null.", steps.AUDIT) if path and audit is None else None
