# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# PRIVATE to the collection: may change without notice.
"""The proofs and audits of clusters as they lie on the controller. A file that cannot be read is a finding, and no error."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._proof.verifying import PublicKey
from . import steps
from .report import Found
from .steps import Finding, Step


def find(public_key: PublicKey | None, *, cluster: str, path: str | None, break_glass_record: str | None, audit: str | None, policy_group: str | None) -> Found:
    """What `_proof` finds, with the audit."""
    read, problem = _audit(audit)
    return replace(_proof(cluster, path, break_glass_record, public_key), audit=read, audit_problem=problem, policy_group=policy_group or None)


def _proof(cluster: str, path: str | None, break_glass_record: str | None, public_key: PublicKey | None) -> Found:
    """The proof at `path`, whether its signature beside it is of that key (None: not checked), and the last entry of the break-glass record."""
    opened, unread = _break_glass(break_glass_record)
    if not path:
        return Found(cluster, None, problem=_unknown("No proof is written of it: verify_proof_path is not set.", steps.NO_PATH), break_glass=opened)
    try:
        content = Path(path).read_bytes()
        signature = _signature(path)
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


def _signature(path: str) -> bytes | None:
    try:
        return Path(f"{path}.sig").read_bytes()
    except FileNotFoundError:
        return None


def _said(public_key: PublicKey | None, content: bytes, signature: bytes | None) -> str:
    if not public_key:
        return "not checked"
    if signature is None:
        return "missing"
    return "verified" if public_key.verifies(content, signature) else "invalid"


def _break_glass(path: str | None) -> tuple[dict[str, Any] | None, Finding | None]:
    """The last entry, None where the cluster was never opened; and what is wrong with the record, which then could hide that it is open."""
    try:
        lines = Path(path).read_text().splitlines() if path else []
        last = _json(lines[-1]) if lines else None
    except FileNotFoundError:
        return None, None
    except (OSError, ValueError, RecursionError):
        return None, _unknown(f"Its break-glass record {path} cannot be read, so it may be open.", steps.RECORD)
    if last is None or isinstance(last, dict):
        return last, None
    return None, _unknown(f"Its break-glass record {path} is not one, so it may be open.", steps.RECORD)


def _audit(path: str | None) -> tuple[Any, Finding | None]:
    """The audit, and what is wrong with it; no cluster has to have one."""
    try:
        read = _json(Path(path).read_bytes()) if path else None
    except FileNotFoundError:
        return None, None
    except OSError as error:
        return None, Finding("attention", f"Its audit cannot be read: {error.strerror}.", steps.READ_AUDIT)
    except (ValueError, RecursionError):
        return None, Finding("attention", "Its audit is not JSON.", steps.AUDIT)
    return read, Finding("attention", "Its audit is null.", steps.AUDIT) if path and read is None else None
