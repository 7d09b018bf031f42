from __future__ import annotations

import pytest
from ansible_collections.image_trust.azure.plugins.module_utils._kubernetes.helm_program import HelmError, require_pair

TAKEN = [("v3.22.0", "6.2.0"), ("v3.22", "6.2.0"), ("v3.22.0", "*"), ("v4.3.2", "6.4.0"), ("v4.0.0-rc.1", "6.10.1"), ("v4.3", "7.0.0-beta.1")]
REFUSED = {
    "before 6.4": ("v4.3.2", "6.3.0", "Helm v4.3.2 does not work with kubernetes.core 6.3.0."),
    "an unknown version": ("v4.3.2", "*", "Helm v4.3.2 does not work with kubernetes.core *."),
    "Helm 2": ("v2.17.0", "6.4.0", "Helm v2.17.0 is not known to this collection."),
    "Helm 5": ("v5.0.0", "6.4.0", "Helm v5.0.0 is not known to this collection."),
    "Helm 40": ("v40.0.0", "6.4.0", "Helm v40.0.0 is not known to this collection."),
    "no version": ("usage: helm", "6.4.0", "Helm usage: helm is not known to this collection."),
}


@pytest.mark.parametrize(("helm", "kubernetes_core"), TAKEN)
def test_helm_3_works_with_every_kubernetes_core_and_helm_4_from_6_4_on(helm: str, kubernetes_core: str) -> None:
    require_pair(helm, kubernetes_core)


@pytest.mark.parametrize(("helm", "kubernetes_core", "sentence"), REFUSED.values(), ids=REFUSED)
def test_every_other_pair_is_refused_with_the_versions_and_the_remedy(helm: str, kubernetes_core: str, sentence: str) -> None:
    with pytest.raises(HelmError) as refused:
        require_pair(helm, kubernetes_core)
    assert str(refused.value).startswith(sentence)
    assert str(refused.value).endswith(" Install Helm 3, or Helm 4 with kubernetes.core 6.4.0 or newer.")
