"""What plays of tests share."""

from __future__ import annotations

LOADED_ONCE = "{{ {} | image_trust.azure.identities_of_hosts('') | join }}"
"""A play's name with which the filters of the collection are loaded before its first process is forked, as in playbooks/site.yml: of many runs, a third."""
