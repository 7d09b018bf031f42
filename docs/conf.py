"""How Sphinx makes the site (`make docs`). The pages are read as they lie here and on GitHub; the reference is written by antsibull-docs before."""

from __future__ import annotations

import os
import re
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/image-trust/azure/blob/main"
ANSIBLE = "https://docs.ansible.com/ansible/latest"

project = "image_trust.azure"
project_copyright = "The image_trust.azure authors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
antsibull_ext_color_scheme = "default-autodark"
exclude_patterns = ["_build"]
nitpicky = True
myst_heading_anchors = 3
highlight_language = "text"
html_theme = "furo"
html_title = "image_trust.azure"
html_css_files = ["site.css"]
html_search_scorer = str(ROOT / "docs/search.js")
html_static_path = ["static"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"source_repository": "https://github.com/image-trust/azure/", "source_branch": "main", "source_directory": "docs/"}


def links(text: str, here: Path, shown_in: Path) -> str:
    """`text` of a page in the folder `here`, for the site's folder `shown_in`: relative links to what is not in the site, such as code and folders,
    go to the repository, and those to a role's README to its page."""

    def rewritten(link: re.Match[str]) -> str:
        target = (here / link["path"]).resolve()
        role = re.fullmatch(r"roles/(\w+)/README\.md", os.path.relpath(target, ROOT))
        if role:
            target = ROOT / "docs" / "roles" / f"{role[1]}.md"
        elif target.is_dir() or (not target.is_relative_to(ROOT / "docs") and target.exists()):
            return f"]({REPOSITORY}/{os.path.relpath(target, ROOT)}{link['anchor'] or ''})"
        return f"]({os.path.relpath(target, shown_in)}{link['anchor'] or ''})"

    return re.sub(r"\]\((?P<path>[\w.][^):#]*)(?P<anchor>#[^)]*)?\)", rewritten, text)


def of_page(_app: Sphinx, docname: str, source: list[str]) -> None:
    folder = (ROOT / "docs" / docname).parent
    if docname.startswith("reference/"):
        # The theme has a table of contents beside each page, and no room for a second one.
        source[0] = re.sub(r"^\.\. contents::\n(?:[ ]+:.*\n)*", "", source[0], flags=re.M)
    else:
        source[0] = links(source[0], folder, folder)


def of_readme(app: Sphinx, relative: Path, _parent: str, source: list[str]) -> None:
    """A role's README is a page of its own, in `roles/`."""
    source[0] = links(source[0], (app.srcdir / relative).resolve().parent, ROOT / "docs" / "roles")


def link_to_ansible(_app: Sphinx, _environment: BuildEnvironment, reference: pending_xref, text: nodes.TextElement) -> nodes.reference | None:
    """What the reference names of other documentation of Ansible's. No inventory is fetched: the build needs no network."""
    pages = {
        "common_return_values": "reference_appendices/common_return_values",
        "ansible_configuration_settings": "reference_appendices/config",
        "action_plugins": "plugins/action",
    }
    target = str(reference["reftarget"])
    plugin = re.fullmatch(r"ansible_collections\.(?!image_trust)(\w+)\.(\w+)\.(\w+?)(?:__(parameter-\w+))?", target)
    page = f"collections/{plugin[1]}/{plugin[2]}/{plugin[3]}.html#{plugin[4] or ''}".rstrip("#") if plugin else f"{pages.get(target)}.html"
    return nodes.reference("", "", text.deepcopy(), internal=False, refuri=f"{ANSIBLE}/{page}") if plugin or target in pages else None


def setup(app: Sphinx) -> None:
    app.connect("source-read", of_page)
    app.connect("include-read", of_readme)
    app.connect("missing-reference", link_to_ansible)
