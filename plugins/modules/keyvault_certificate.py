#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: keyvault_certificate
short_description: Manage a signer's certificate in a Key Vault, as Notation and Ratify need it
version_added: 1.0.0
description:
  - Creates a certificate whose key signs images with Notation's plugin C(azure-kv), and with which Ratify verifies them. It is
    self-signed, or issued by an issuer of the vault. Its key is never exportable, its secret is in PEM, and its only usages are
    digital signature and code signing.
  - Properties whose options are not given are not changed. A new certificate gets the defaults that the options name.
  - Another version is created only if the latest one cannot be changed as asked. That is the case for another subject, key or
    issuer, for a certificate that Notation could not sign with, and if O(renew_within_days) or O(replace_version) asks for it.
    Everything else is changed in place. The module never deletes a version, and disables or enables one only if you ask for it.
  - Waits for a new version. A run that finds one that is being created with the same policy waits for that one.
  - Before anything is written the module refuses a certificate with an exportable key or in PKCS#12, an imported one that would
    need another version, a deleted one that still has the name, and a subject that no trust policy could name. If the vault refuses
    the login or its network, nothing is changed either.
  - The versions that a cluster trusts are not changed. See C(ratify_certificates) of role C(ratify).
author:
  - The image_trust.azure authors (@image-trust)
requirements:
  - azure-mgmt-keyvault >= 10.3.1
  - azure-keyvault-certificates >= 4.7.0
  - cryptography >= 42.0.0
notes:
  - The login needs, in a vault with access policies, the permissions C(get), C(create) and C(update) on certificates, or under Azure RBAC the
    role Key Vault Certificates Officer; and C(Microsoft.KeyVault/vaults/read).
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
  issuer:
    description: V(Self), or the name of an issuer of the vault. A new certificate is self-signed by default.
    type: str
  subject:
    description:
      - Subject of the certificate, such as C(C=US, ST=WA, O=Contoso, CN=contoso.io). Notation trusts a signer by C(C), C(ST) and
        C(O), so each is needed, and C(CN) too. Their order does not matter.
      - Needed for a new certificate.
    type: str
  key_type:
    description: Kind of the key; V(RSA) for a new certificate, or V(EC) with O(curve).
    type: str
    choices: [RSA, EC]
  key_size:
    description: Bits of an RSA key. V(2048) for a new one.
    type: int
    choices: [2048, 3072, 4096]
  curve:
    description: Curve of an EC key. V(P-256) for a new one.
    type: str
    choices: [P-256, P-384, P-521]
  validity_months:
    description:
      - For how many months each version is valid, 1 to 120. V(12) for a new certificate.
      - A change takes effect with the next version; it creates none.
    type: int
  auto_renew:
    description:
      - Whether Key Vault creates the next version by itself. By default a new certificate is not renewed, because a cluster that
        trusts one version denies what the next one signs.
      - If it is off, Key Vault sends mail to the contacts of the vault instead.
    type: bool
  renew_at_percent:
    description: The percentage of its validity after which a version is renewed, 1 to 99. V(80) if it was not renewed before. Only
      with O(auto_renew=true).
    type: int
  enabled:
    description: Whether the latest version, its key and its secret may be used. A new version is enabled by default.
    type: bool
  renew_within_days:
    description: Create another version if the latest one expires within so many days, 1 to 3650, and fewer than a version is valid.
    type: int
  replace_version:
    description:
      - Create another version while this one is the latest. A second run finds a newer one, and creates none.
      - Give the version that is to be replaced, such as RV(certificate.version) of an earlier task, never that of the same run's result.
    type: str
  wait_timeout:
    description: Seconds to wait for a new version. An issuer may take days; the next run goes on waiting.
    type: int
    default: 300
extends_documentation_fragment:
  - image_trust.azure.attributes
  - image_trust.azure.azure
seealso:
  - module: image_trust.azure.keyvault_certificate_info
  - module: image_trust.azure.keyvault_access_policy
"""

EXAMPLES = r"""
- name: Make the certificate of a signer
  image_trust.azure.keyvault_certificate:
    resource_group: image-trust
    vault_name: image-trust-lab
    name: contoso-signer
    subject: C=US, ST=WA, O=Contoso, CN=contoso.io

- name: Replace the version that the inventory names, once
  image_trust.azure.keyvault_certificate:
    resource_group: image-trust
    vault_name: image-trust-lab
    name: contoso-signer
    replace_version: "{{ signer_compromised_version | default(omit) }}"

- name: Make another version a month before the latest one expires, each for two years
  image_trust.azure.keyvault_certificate:
    resource_group: image-trust
    vault_name: image-trust-lab
    name: contoso-signer
    validity_months: 24
    renew_within_days: 30

- name: Make a certificate with an EC key that Key Vault renews by itself
  image_trust.azure.keyvault_certificate:
    resource_group: image-trust
    vault_name: image-trust-lab
    name: contoso-nightly
    subject: C=US, ST=WA, O=Contoso, CN=nightly.contoso.io
    curve: P-384
    auto_renew: true
    renew_at_percent: 70
"""

RETURN = r"""
certificate:
  description: The certificate with its latest version. In check mode, what is only known of a version once it is made is null.
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
  contains:
    name:
      description: Name.
      type: str
      returned: always
    version:
      description: The version, 32 hexadecimal digits; null until it is made.
      type: str
      returned: always
    enabled:
      description: Whether the version, its key and its secret may be used.
      type: bool
      returned: always
    key_id:
      description: Identifier of the key, by which Notation's plugin C(azure-kv) signs; null until it is made.
      type: str
      returned: always
    secret_id:
      description: Identifier of the secret, which Ratify reads; null until it is made.
      type: str
      returned: always
    subject:
      description: Subject of the certificate (RFC 4514); null until it is made.
      type: str
      returned: always
    issuer:
      description: Issuer of the certificate (RFC 4514); its subject, where it is self-signed; null until it is made.
      type: str
      returned: always
    thumbprint:
      description: SHA-1 of the certificate, as Azure's portal shows it; null until it is made.
      type: str
      returned: always
    sha256:
      description: SHA-256 of the certificate, by which proofs and reports name what Ratify trusts; null until it is made.
      type: str
      returned: always
    created:
      description: When the version was made; null until it is made.
      type: str
      returned: always
    not_before:
      description: From when it is valid; null until it is made.
      type: str
      returned: always
    not_after:
      description: Until when it is valid; null until it is made.
      type: str
      returned: always
    policy:
      description: By which Key Vault makes the next version.
      type: dict
      returned: always
      contains:
        issuer:
          description: V(Self), the name of an issuer, or V(Unknown) of an imported certificate.
          type: str
          returned: always
        subject:
          description: The subject as it was given.
          type: str
          returned: always
        key_type:
          description: V(RSA), V(EC), or the same in an HSM.
          type: str
          returned: always
        key_size:
          description: Bits of an RSA key; null for an EC key.
          type: int
          returned: always
        curve:
          description: Curve of an EC key; null for an RSA key.
          type: str
          returned: always
        exportable:
          description: Whether the private key can be read.
          type: bool
          returned: always
        content_type:
          description: Form of the secret.
          type: str
          returned: always
        key_usage:
          description: Usages of the key.
          type: list
          elements: str
          returned: always
        extended_key_usage:
          description: Purposes of the certificate, as object identifiers.
          type: list
          elements: str
          returned: always
        validity_months:
          description: How long a version is valid.
          type: int
          returned: always
        auto_renew:
          description: Whether Key Vault makes the next version by itself.
          type: bool
          returned: always
        renew_at_percent:
          description: After which part of its time; null where it does not, or by days.
          type: int
          returned: always
        renew_days_before:
          description: How many days before its end; null where it does not, or by a part of its time.
          type: int
          returned: always
new_version:
  description: Whether another version was made, or in check mode would be.
  returned: success
  type: bool
  sample: true
because:
  description: Why another version was needed; null where it was not.
  returned: success
  type: str
  sample: there is none
done:
  description: What was written before the write that failed, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: [change the policy]
not_done:
  description: The write that failed and those that had not begun, in words.
  returned: failure of a write, when there were several to make
  type: list
  elements: str
  sample: [disable the latest version]
vault:
  description: The vault, as RV(image_trust.azure.keyvault_info#module:vault); in check mode, what is not known of one that does not exist yet is null.
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
from typing import Any, NoReturn

from ansible.module_utils.basic import missing_required_lib
from ansible_collections.image_trust.azure.plugins.module_utils._arm.vaults import Place, Vault, missing, read
from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.errors import refuse
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session, failing
from ansible_collections.image_trust.azure.plugins.module_utils._change import exit_changed
from ansible_collections.image_trust.azure.plugins.module_utils._vault.certificate_client import CRYPTOGRAPHY_IMPORT_ERROR, VaultCertificates
from ansible_collections.image_trust.azure.plugins.module_utils._vault.certificates import CURVES, NAME, RSA_SIZES, Wanted, key_of, plan


def wanted(params: dict[str, Any]) -> Wanted:
    names = ("issuer", "subject", "validity_months", "auto_renew", "renew_at_percent", "enabled", "renew_within_days", "replace_version")
    return Wanted(key=key_of(params["key_type"], params["key_size"], params["curve"]), **{name: params[name] for name in names})


def main() -> NoReturn:
    module = azure_module(
        resource_group=dict(type="str", required=True),
        vault_name=dict(type="str", required=True),
        name=dict(type="str", required=True),
        issuer=dict(type="str"),
        subject=dict(type="str"),
        key_type=dict(type="str", choices=["RSA", "EC"], no_log=False),
        key_size=dict(type="int", choices=list(RSA_SIZES), no_log=False),
        curve=dict(type="str", choices=list(CURVES)),
        validity_months=dict(type="int"),
        auto_renew=dict(type="bool"),
        renew_at_percent=dict(type="int"),
        enabled=dict(type="bool"),
        renew_within_days=dict(type="int"),
        replace_version=dict(type="str"),
        wait_timeout=dict(type="int", default=300),
    )
    if CRYPTOGRAPHY_IMPORT_ERROR is not None:
        module.fail_json(msg=missing_required_lib("cryptography"), exception=CRYPTOGRAPHY_IMPORT_ERROR)
    name = module.params["name"]
    with failing(module):
        place, asked = Place(module.params["resource_group"], module.params["vault_name"]), wanted(module.params)
        NAME.check("name", name)
    with azure_session(module) as azure:
        found = read(azure, place)
        if not found and not module.check_mode:
            raise missing(azure, place)
        vault = found[0] if found else Vault(place.vault_name)
        certificates = VaultCertificates(azure, vault) if found else None
        current = certificates.find(name) if certificates else None
        planned = plan(name, vault.name, current, asked, datetime.now(UTC))
        replaced = asked.replace_version
        if certificates and replaced and not planned.because and not certificates.version(name, replaced):
            raise refuse(f"replace_version is {replaced}, which is no version of the certificate {name} of the vault {vault.name}.")
        change = planned.change
        if certificates and not module.check_mode:
            change = certificates.apply(planned, module.params["wait_timeout"])
    called = f"certificate {name} of the {place}"
    exit_changed(module, change, "certificate", called, new_version=bool(planned.because), because=planned.because, vault=vault.shown())


if __name__ == "__main__":
    main()
