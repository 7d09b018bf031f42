"""Errors of Resource Manager, in Azure's codes and words."""

from __future__ import annotations


class ArmError(Exception):
    """An answer `{"error": {"code", "message"}}` with an HTTP status."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}


def bad_request(message: str, code: str = "BadRequest") -> ArmError:
    return ArmError(400, code, message)


def resource_not_found(resource_type: str, name: str, group: str) -> ArmError:
    """`resource_type` as `Microsoft.KeyVault/vaults`; the names of a nested resource stand between the types, as Azure writes them."""
    message = (
        f"The Resource '{resource_type}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return ArmError(404, "ResourceNotFound", message, {"x-ms-failure-cause": "gateway"})


def parent_not_found(verb: str, resource_type: str, parent: str) -> ArmError:
    message = f"Failed to perform '{verb}' on resource(s) of type '{resource_type}', because the parent resource '{parent}' could not be found."
    return ArmError(404, "ParentResourceNotFound", message, {"x-ms-failure-cause": "gateway"})


def group_not_found(group: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", {"x-ms-failure-cause": "gateway"})


def group_being_deleted(group: str) -> ArmError:
    message = f"The resource group '{group}' is in deprovisioning state and cannot perform this operation."
    return ArmError(409, "ResourceGroupBeingDeleted", message)


def location_conflict(name: str, group: str, existing: str, wanted: str) -> ArmError:
    message = (
        f"The resource '{name}' already exists in location '{existing}' in resource group '{group}'. "
        f"A resource with the same name cannot be created in location '{wanted}'. Please select a new resource name."
    )
    return ArmError(409, "InvalidResourceLocation", message)
