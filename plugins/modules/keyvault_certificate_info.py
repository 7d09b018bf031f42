#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: keyvault_certificate_info
short_description: Read the versions of a certificate in a Key Vault, and whether Ratify can verify by each
version_added: 1.0.0
description:
  - Returns each version of a certificate with its thumbprints, dates and subject, and why Ratify could not verify signatures with
    it.
  - If the certificate, the vault or the resource group does not exist, the list is empty and RV(certificate) is null. A missing
    permission is an error.
  - A deleted certificate that still has the name is an error.
  - Also returns why the login may not sign with the certificate's key, as far as Resource Manager knows. Nothing is signed.
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-keyvault >= 10.3.1
  - azure-mgmt-authorization >= 4.0.0, with a vault under Azure RBAC
  - azure-keyvault-certificates >= 4.7.0
  - cryptography >= 42.0.0
notes:
  - The login needs, in a vault with access policies, the permissions C(get) and C(list) on certificates, and for one that an authority issued C(get) on
    secrets; or under Azure RBAC the role Key Vault Certificate User. A secret in which the private key may be is never read.
options:
  resource_group:
    description: The resource group of the vault.
    type: str
    required: true
  vault_name:
    description: Name of the vault.
    type: str
    required: true
  name:
    description: Name of the certificate.
    type: str
    required: true
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.keyvault_certificate
  - module: image_trust.azure.keyvault_info
"""

EXAMPLES = r"""
- name: Read the versions of the signer's certificate
  image_trust.azure.keyvault_certificate_info:
    resource_group: image-trust
    vault_name: image-trust-lab
    name: contoso-signer
  register: signer

- name: Show by which Ratify cannot verify, and why
  ansible.builtin.debug:
    msg: "{{ signer.versions | rejectattr('trust_anchor') | items2dict(key_name='version', value_name='problem') }}"
"""

RETURN = r"""
certificate:
  description: The certificate with its latest version, as RV(image_trust.azure.keyvault_certificate#module:certificate); null where there is none.
  returned: success
  type: dict
  sample:
    name: contoso-release
    version: 0123456789abcdef0123456789abcdef
    enabled: true
    key_id: https://image-trust-lab.vault.azure.net/keys/contoso-release/0123456789abcdef0123456789abcdef
    secret_id: https://image-trust-lab.vault.azure.net/secrets/contoso-release/0123456789abcdef0123456789abcdef
    subject: CN=contoso.io,O=Contoso,ST=WA,C=US
    issuer: CN=contoso.io,O=Contoso,ST=WA,C=US
    thumbprint: 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    created: "2026-11-30T08:00:00Z"
    not_before: "2026-11-30T07:50:00Z"
    not_after: "2027-11-30T08:00:00Z"
    policy:
      issuer: Self
      subject: C=US, ST=WA, O=Contoso, CN=contoso.io
      key_type: RSA
      key_size: 2048
      curve:
      exportable: false
      content_type: application/x-pem-file
      key_usage: [digitalSignature]
      extended_key_usage: [1.3.6.1.5.5.7.3.3]
      validity_months: 12
      auto_renew: false
      renew_at_percent:
      renew_days_before:
versions:
  description: Each version that was made, newest first.
  returned: success
  type: list
  elements: dict
  sample:
    - version: 0123456789abcdef0123456789abcdef
      enabled: true
      key_id: https://image-trust-lab.vault.azure.net/keys/contoso-release/0123456789abcdef0123456789abcdef
      secret_id: https://image-trust-lab.vault.azure.net/secrets/contoso-release/0123456789abcdef0123456789abcdef
      subject: CN=contoso.io,O=Contoso,ST=WA,C=US
      issuer: CN=contoso.io,O=Contoso,ST=WA,C=US
      thumbprint: 9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B
      sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      created: "2026-11-30T08:00:00Z"
      not_before: "2026-11-30T07:50:00Z"
      not_after: "2027-11-30T08:00:00Z"
      trust_anchor: true
      problem:
  contains:
    version:
      description: The version, 32 hexadecimal digits.
      type: str
      returned: always
    enabled:
      description: Whether the version, its key and its secret may be used.
      type: bool
      returned: always
    key_id:
      description: Identifier of the key, by which Notation's plugin C(azure-kv) signs.
      type: str
      returned: always
    secret_id:
      description: Identifier of the secret, which Ratify reads.
      type: str
      returned: always
    subject:
      description: Subject of the certificate (RFC 4514).
      type: str
      returned: always
    issuer:
      description: Issuer of the certificate (RFC 4514); its subject, where it is self-signed.
      type: str
      returned: always
    thumbprint:
      description: SHA-1 of the certificate, as Azure's portal shows it.
      type: str
      returned: always
    sha256:
      description: SHA-256 of the certificate, by which proofs and reports name what Ratify trusts.
      type: str
      returned: always
    created:
      description: When the version was made.
      type: str
      returned: always
    not_before:
      description: From when it is valid.
      type: str
      returned: always
    not_after:
      description: Until when it is valid.
      type: str
      returned: always
    trust_anchor:
      description: Whether Ratify can verify by this version now.
      type: bool
      returned: always
    problem:
      description: Why it cannot; null where it can.
      type: str
      returned: always
      sample: disabled in the vault, Ratify does not hold it
vault:
  description: The vault, as RV(image_trust.azure.keyvault_info#module:vault); null where there is none.
  returned: success
  type: dict
  sample:
    id: /subscriptions/22222222-2222-2222-2222-222222222222/resourceGroups/image-trust/providers/Microsoft.KeyVault/vaults/image-trust-lab
    name: image-trust-lab
    uri: https://image-trust-lab.vault.azure.net/
    tenant_id: 11111111-1111-1111-1111-111111111111
    rbac_enabled: false
    permission_model: Vault access policy
    secrets_role: Key Vault Secrets User
login:
  description: The login, as regards signing with the certificate's key; null without a vault.
  returned: success
  type: dict
  sample:
    object_id: 5c9f1c0e-8a52-4a55-8e1f-6f0b8e5d7a11
    signing_problem:
  contains:
    object_id:
      description: Object id of its principal; null where its token does not say it.
      type: str
      returned: always
    signing_problem:
      description:
        - Why it may not sign, with the remedy; null where it may, or where that is not known.
        - In a vault with access policies it is not known where another principal may sign, because that may be a group that the login is in. Under Azure RBAC
          it is not known where the login may not read its own permissions, and a role that was assigned with a condition counts as one without.
      type: str
      returned: always
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: Forbidden
    message: The user, group or application does not have certificates create permission on key vault 'image-trust-lab;location=eastus'.
    status: 403
    request_id: 7a6f9a5c-3c1a-4a41-8f0f-2f3c5b0f7f2e
"""

from datetime import UTC, datetime
from typing import NoReturn

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vaults import Place, read
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._vault.certificate_client import CRYPTOGRAPHY_IMPORT_ERROR, VaultCertificates
from ansible_collections.image_trust.azure.plugins.module_utils._vault.certificates import NAME
from ansible_collections.image_trust.azure.plugins.module_utils._vault.signing import caller


def main() -> NoReturn:
    module = azure_module(resource_group=dict(type="str", required=True), vault_name=dict(type="str", required=True), name=dict(type="str", required=True))
    if CRYPTOGRAPHY_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    certificate, versions, login, name, now = None, [], None, module.params["name"], datetime.now(UTC)
    with azure_session(module) as azure:
        place = Place(module.params["resource_group"], module.params["vault_name"])
        NAME.check("name", name)
        vault, policies = read(azure, place) or (None, ())
        if vault:
            certificates = VaultCertificates(azure, vault)
            certificate = certificates.find(name)
            for version in certificates.versions(name) if certificate else ():
                problem = certificates.anchor_problem(name, version, now)
                versions.append({**version.shown(), "trust_anchor": problem is None, "problem": problem})
            login = vars(caller(azure, vault, policies, name))
    shown = certificate.shown() if certificate else None
    module.exit_json(changed=False, certificate=shown, versions=versions, vault=vault.shown() if vault else None, login=login)


if __name__ == "__main__":
    main()
