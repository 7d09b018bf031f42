# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations


class ModuleDocFragment:
    """The options of a login to Azure, as module_utils/_azure/arguments.py has them."""

    DOCUMENTATION = r"""
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
      - Application id of the service principal to log in as, or client id of the managed identity with O(auth_source=msi).
      - Falls back to the environment variable E(AZURE_CLIENT_ID).
    type: str
  secret:
    description:
      - Client secret of the service principal.
      - Falls back to the environment variables E(AZURE_SECRET) and E(AZURE_CLIENT_SECRET).
    type: str
  auth_source:
    description:
      - Where the login comes from.
      - V(env) uses the options above or their environment variables, with a client secret, or with workload identity where
        E(AZURE_FEDERATED_TOKEN_FILE) names a token.
      - V(credential_file) uses a profile of C(~/.azure/credentials), an INI file with C(subscription_id), C(client_id), C(secret) and C(tenant).
      - V(cli) uses the login of the Azure CLI, V(msi) the managed identity of the machine.
      - V(auto) uses what V(env) would, else the credential file where there is one, else the Azure CLI where it is installed.
      - Falls back to the environment variable E(ANSIBLE_AZURE_AUTH_SOURCE).
    type: str
    choices: [auto, env, credential_file, cli, msi]
    default: auto
  profile:
    description:
      - The profile of the credential file; V(default) where none is given.
      - Falls back to the environment variable E(AZURE_PROFILE).
    type: str
  cloud_environment:
    description:
      - The cloud, V(AzureCloud), V(AzureUSGovernment) or V(AzureChinaCloud), or the https URL of a Resource Manager, which is asked
        for the cloud's endpoints.
      - A cloud with a certificate authority of its own needs the environment variable E(REQUESTS_CA_BUNDLE).
      - Falls back to the environment variable E(AZURE_CLOUD_ENVIRONMENT).
    type: str
    default: AzureCloud
requirements:
  - python >= 3.11
  - azure-identity >= 1.19.0
"""
