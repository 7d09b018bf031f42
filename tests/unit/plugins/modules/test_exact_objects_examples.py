"""The examples of exact_objects, which needs an API server that keeps what is written; and its return values as they are documented."""

from __future__ import annotations

import yaml
from ansible_collections.image_trust.azure.plugins.modules import exact_objects

from tests.support.return_values import not_returned

from .discovery import kind
from .exact_api import WEBHOOK, Api, api, record, run

__all__ = ["api"]


def test_the_examples_do_what_their_names_say_and_return_what_is_documented(api: Api) -> None:
    release = record(WEBHOOK)
    release["metadata"] |= {"namespace": "gatekeeper-system", "labels": {**release["metadata"]["labels"], "name": "ratify"}}
    api.objects["/api/v1/namespaces/gatekeeper-system/secrets/ratify.v1"] = release
    api.kinds["policy/v1"] = [kind("PodDisruptionBudget", "poddisruptionbudgets", namespaced=True)]
    results = []
    for example in yaml.safe_load(exact_objects.EXAMPLES):
        options = {key: value for key, value in example["image_trust.azure.exact_objects"].items() if key != "kubeconfig"}
        result = run(api, **options)
        assert "failed" not in result, result
        results.append(result)
    assert [result["titles"] for result in results] == [["Webhook ask"], ["PodDisruptionBudget web/web"]]
    assert not_returned("exact_objects", *results) == set()
