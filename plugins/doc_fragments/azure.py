# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """The options of a login to Azure and where they can be set for all modules, as module_utils/_azure/arguments.py has them."""

    DOCUMENTATION = r"""
attributes:
  action_group:
    description: Use C(group/image_trust.azure.azure) in C(module_defaults) to set the options of the login for this module.
    support: full
    membership:
      - image_trust.azure.azure
options:
  subscription_id:
    description:
      - The subscription to work in, a GUID.
      - Falls back to the environment variable E(AZURE_SUBSCRIPTION_ID), and with a credential file or the Azure CLI to theirs.
    type: str
  tenant:
    description:
      - The Entra tenant to log in to, a GUID or domain name.
      - Falls back to the environment variables E(AZURE_TENANT) and E(AZURE_TENANT_ID).
    type: str
  client_id:
    description:
      - Application id of the service principal, or client id of the managed identity, to log in as.
      - Falls back to the environment variable E(AZURE_CLIENT_ID).
    type: str
  secret:
    description:
      - Client secret of the service principal.
      - Of O(secret), O(x509_certificate_path), O(oidc_token), O(oidc_token_file_path) and O(profile) at most one may be given. It
        overrides the environment.
      - Falls back to the environment variables E(AZURE_SECRET) and E(AZURE_CLIENT_SECRET).
    type: str
  x509_certificate_path:
    description:
      - File with the certificate of the service principal and its private RSA key, as PEM or PKCS 12.
      - Falls back to the environment variables E(AZURE_X509_CERTIFICATE_PATH) and E(AZURE_CLIENT_CERTIFICATE_PATH).
    type: path
  x509_certificate_password:
    description:
      - Password of the private key in O(x509_certificate_path), if it has one.
      - Falls back to the environment variable E(AZURE_CLIENT_CERTIFICATE_PASSWORD).
    type: str
  thumbprint:
    description:
      - SHA-1 thumbprint of the certificate in O(x509_certificate_path). It is optional, and has to be that of the certificate.
      - Falls back to the environment variable E(AZURE_THUMBPRINT).
    type: str
  oidc_token:
    description:
      - A token of the issuer of a federated credential of the application or the managed identity, such as that of a pipeline.
      - Falls back to the environment variable E(AZURE_FEDERATED_TOKEN).
    type: str
  oidc_token_file_path:
    description:
      - File with such a token. It is read again for each login.
      - Falls back to the environment variable E(AZURE_FEDERATED_TOKEN_FILE), which is set in pods with workload identity.
    type: path
  auth_source:
    description:
      - Where the login comes from.
      - V(env) uses the options above or their environment variables. If the environment has several, a secret is used before a
        certificate, and that before a token.
      - V(credential_file) uses a profile of C(~/.azure/credentials), an INI file with C(subscription_id), C(client_id), C(tenant), and
        C(secret) or the name of another proof, and perhaps C(cloud_environment).
      - V(cli) uses the login of the Azure CLI, its cloud, and its subscription; V(msi) the managed identity of the machine, with
        O(client_id) if it has several.
      - V(auto) uses the options, else the profile that E(AZURE_PROFILE) names, else the environment, else the profile V(default) if
        the credential file exists, else the Azure CLI if it is installed.
      - Falls back to the environment variable E(ANSIBLE_AZURE_AUTH_SOURCE).
    type: str
    choices: [auto, env, credential_file, cli, msi]
    default: auto
  profile:
    description:
      - The profile of the credential file; V(default) if not given.
      - Falls back to the environment variable E(AZURE_PROFILE).
    type: str
  cloud_environment:
    description:
      - The cloud, V(AzureCloud), V(AzureUSGovernment) or V(AzureChinaCloud), or the https URL of a Resource Manager, which returns
        the cloud's endpoints.
      - A cloud with a certificate authority of its own needs the environment variable E(REQUESTS_CA_BUNDLE).
      - Falls back to the environment variable E(AZURE_CLOUD_ENVIRONMENT), then to that of the profile of the credential file or of
        the Azure CLI, then to V(AzureCloud).
    type: str
  token_cache:
    description:
      - A folder in which modules find the token that an earlier task of the same run got, and the endpoints of
        O(cloud_environment), instead of asking again. Use P(image_trust.azure.run_folder#lookup).
      - A token is used only by the same login, whose secret is part of the file's name, and not in its last five minutes. One that
        Azure refuses is replaced by a new one, once.
      - A folder that does not exist, or that another user owns or can read, is not used.
    type: path
requirements:
  - python >= 3.11
  - azure-identity >= 1.19.0
"""
