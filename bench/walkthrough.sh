#!/usr/bin/env bash
# What an administrator types, by the command lines of Azure, Helm and Kubernetes, so that one cluster runs signed
# images only; it may be run again. `python -m bench walkthrough` measures it and sets the variables in capitals.
set -euo pipefail

cluster=(--resource-group "$GROUP" --name "$CLUSTER")
identity=(--resource-group "$GROUP" --name "$IDENTITY")
features=(--attach-acr "$REGISTRY" --enable-oidc-issuer --enable-workload-identity)

issuer() { az aks show "${cluster[@]}" --query oidcIssuerProfile.issuerUrl --output tsv; }

# The cluster, its credentials, and the issuer of its tokens.
if issuer=$(issuer 2>/dev/null); then
  az aks update "${cluster[@]}" "${features[@]}" --output none
else
  az aks create "${cluster[@]}" "${features[@]}" --no-ssh-key --output none
  issuer=$(issuer)
fi
az aks get-credentials "${cluster[@]}" --file "$KUBECONFIG" --overwrite-existing

# The identity, and its permissions.
az identity create "${identity[@]}" --location "$LOCATION" --output none
principal=$(az identity show "${identity[@]}" --query principalId --output tsv)
client=$(az identity show "${identity[@]}" --query clientId --output tsv)
az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal --role acrpull \
  --scope "/subscriptions/$SUBSCRIPTION/resourceGroups/$GROUP/providers/Microsoft.ContainerRegistry/registries/$REGISTRY" --output none
az identity federated-credential create --resource-group "$GROUP" --identity-name "$IDENTITY" --name ratify --issuer "$issuer" \
  --subject "system:serviceaccount:$NAMESPACE:ratify-admin" --output none
az keyvault set-policy --name "$VAULT" --object-id "$principal" --secret-permissions get --output none

# Gatekeeper and Ratify.
helm repo add gatekeeper "$GATEKEEPER_CHARTS"
helm upgrade gatekeeper gatekeeper/gatekeeper --install --version "$GATEKEEPER_VERSION" --namespace "$NAMESPACE" --create-namespace \
  --set enableExternalData=true \
  --set validatingWebhookTimeoutSeconds=5 \
  --set mutatingWebhookTimeoutSeconds=2
vault_uri=$(az keyvault show --name "$VAULT" --resource-group "$GROUP" --query properties.vaultUri --output tsv)
helm repo add ratify "$RATIFY_CHARTS"
helm upgrade ratify ratify/ratify --install --atomic --version "$RATIFY_VERSION" --namespace "$NAMESPACE" --create-namespace \
  --set featureFlags.RATIFY_CERT_ROTATION=true \
  --set azurekeyvault.enabled=true \
  --set azurekeyvault.vaultURI="$vault_uri" \
  --set azurekeyvault.tenantId="$TENANT" \
  --set "azurekeyvault.certificates[0].name=$CERTIFICATE" \
  --set oras.authProviders.azureWorkloadIdentityEnabled=true \
  --set azureWorkloadIdentity.clientId="$client" \
  --set resources.requests.cpu=100m \
  --set resources.requests.memory=128Mi

# The policy. The kind of the constraint is only known when Gatekeeper has read the template.
kubectl apply --filename "$POLICY/template.yaml"
kubectl wait --for=create --timeout=60s crd/ratifyverification.constraints.gatekeeper.sh
kubectl wait --for=condition=established --timeout=60s crd/ratifyverification.constraints.gatekeeper.sh
kubectl apply --filename "$POLICY/samples/constraint.yaml"

# The verdicts, without pods that a second run would find. What was just installed needs a while to give them.
verdict() { kubectl run demo --namespace default --image="$1" --dry-run=server 2>&1 || true; }

await() {
  for _ in {1..60}; do
    answer=$(verdict "$1")
    if [[ $answer == *"$2"* ]]; then return; fi
    sleep 1
  done
  echo "of $1 not \"$2\" but: $answer" >&2
  return 1
}

await "$UNSIGNED" "denied the request"
await "$SIGNED" "created (server dry run)"
