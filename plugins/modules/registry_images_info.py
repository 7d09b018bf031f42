#!/usr/bin/python
# Copyright: the authors of image_trust.azure
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: registry_images_info
short_description: Find images by names and patterns
version_added: 1.0.0
description:
  - Returns the images that match a list of names and patterns, each once with its digest, for example to sign them.
  - Artifacts that are attached to an image, such as its signatures, and others, such as charts of Helm, match no pattern.
  - It fails if an image does not exist, a name is one of an artifact, or a pattern matches no image, with a sentence on each of
    these.
author:
  - The image_trust.azure authors (@image-trust)
options:
  images:
    description:
      - Images, each with a digest or a tag, and patterns such as V(contosoimages.azurecr.io/shop/*:release-*). A pattern without a tag means all tags.
      - An asterisk matches any characters, in a repository slashes too. So V(contosoimages.azurecr.io/shop/*) means all images below C(shop), at any depth.
      - The registry of a pattern is one of Azure, and has no asterisk.
      - If the repository of a pattern has an asterisk, the login also needs C(Container Registry Repository Catalog Lister) in ABAC
        mode.
      - Repositories and tags that are locked against listing (C(listEnabled) is false) match no pattern.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - image_trust.azure.attributes.info
  - image_trust.azure.azure
  - image_trust.azure.registry
seealso:
  - module: image_trust.azure.image_signature
"""

EXAMPLES = r"""
- name: Find the releases of the shop, and one more image
  image_trust.azure.registry_images_info:
    images:
      - contosoimages.azurecr.io/shop/*:release-*
      - contosoimages.azurecr.io/web:1.4
  register: found

- name: Show the images by digest
  ansible.builtin.debug:
    msg: "{{ found.images | map(attribute='reference') }}"
"""

RETURN = r"""
images:
  description:
    - The images, each repository and digest once.
    - They are in the order of the names and patterns, and of one pattern in that of repository and tag.
  returned: success
  type: list
  elements: dict
  sample:
    - reference: contosoimages.azurecr.io/shop/cart@sha256:5d0da3dc976460b72c77d94c8a1ad043720b0416bfc16c52c45d4847e53fadb6
      tags: [release-1.3, release-latest]
      pattern: contosoimages.azurecr.io/shop/*:release-*
  contains:
    reference:
      description: The image by its digest.
      type: str
      returned: always
    tags:
      description: Its tags that match; empty where it was named by its digest.
      type: list
      elements: str
      returned: always
    pattern:
      description: The first name or pattern that means it.
      type: str
      returned: always
error:
  description: What Azure said, as RV(image_trust.azure.user_assigned_identity#module:error); only when the module fails.
  returned: failure
  type: dict
  sample:
    code: ManifestUnknown
    message: There is no image that matches contosoimages.azurecr.io/shop/*:release-*; push one first, or correct the pattern.
    status: 404
    request_id:
"""

from typing import NoReturn

from ansible_collections.image_trust.azure.plugins.module_utils._azure.arguments import azure_module
from ansible_collections.image_trust.azure.plugins.module_utils._azure.session import azure_session
from ansible_collections.image_trust.azure.plugins.module_utils._signatures.selection import selected


def main() -> NoReturn:
    module = azure_module(images=dict(type="list", elements="str", required=True))
    with azure_session(module) as azure:
        images = selected(azure, module.params["images"])
    module.exit_json(changed=False, images=[each.shown() for each in images])


if __name__ == "__main__":
    main()
