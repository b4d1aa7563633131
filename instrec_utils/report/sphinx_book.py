"""What the book's theme leaves out: descriptions for search and sharing, links to the repository, use by keyboard.

A Sphinx extension. `repository.url` in _config.yml is the one setting that switches the links on: to the repository, to
its issues, and of pages that are notebooks to Binder and Colab. The address of the book follows from it if none is set.
"""

import gc
import html
import re
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.ext.autodoc.mock import mock

BUTTONS = ("use_repository_button", "use_issues_button", "use_edit_page_button")
LAUNCH = {
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
    "notebook_interface": "jupyterlab",
}
LONGEST = 200  # characters of a description, of which search engines show about so many
REPAIRS = (
    # The list of references: a role that is deprecated, and is none of a list's items.
    (r' role="doc-biblioentry"', ' role="listitem"'),
    # What scrolls is reached by keyboard.
    (r'<div class="(table-scroll|pst-scrollable-table-container)">', r'<div class="\1" tabindex="0">'),
    (r'<figure class="instrec', r'<figure tabindex="0" class="instrec'),
    # No paragraph stands in a summary, and no list in a paragraph.
    (r'<p class="(collapsed|expanded) admonition-title">(.*?)</p>', r'<span class="\1 admonition-title">\2</span>'),
    (r"<p>(<ul .*?</ul>\n)</p>", r"\1"),
)

ON_ONE_PAGE = (
    # What pages in folders name from where they are.
    (r'="(?:\.\./)+(?=_static/|results/|_images/)', '="'),
    (r'href="(?:\.\./)*[\w/]+\.html#', 'href="#'),
    (r'href="(?:\.\./)*([\w/]+)\.html"', r'href="#document-\1"'),
    ('href="#document-index"', 'href="#top"'),
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension."""
    mocked = without_networks()
    app.connect("builder-inited", lambda _: mocked.__enter__())
    app.connect("build-finished", lambda *_: mocked.__exit__(None, None, None))
    # Nearly all that a build makes stays until its end: looking for garbage in it took a fifth of the time.
    app.connect("builder-inited", lambda _: gc.disable())
    app.connect("build-finished", lambda *_: gc.enable())
    app.connect("config-inited", switch_on_links)
    app.connect("html-page-context", complete_page)
    app.connect("autodoc-skip-member", skip_imported)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def without_networks() -> AbstractContextManager[None]:
    """Return a context in which Keras and TensorFlow are stand-ins: types in docstrings would load them otherwise."""
    return mock(["keras", "tensorflow"])


def skip_imported(_: Sphinx, owner: str, name: str, member: object, *__: object) -> bool | None:
    """Return True for what a module imports from elsewhere, and None for the rest, which leaves that to autodoc.

    autodoc documents no imports either, but first reads all of the source that they come from: seconds of a build.
    """
    defined_in = getattr(member, "__module__", None) or ""
    is_imported = getattr(member, "__name__", None) == name and not defined_in.startswith("instrec_utils")
    return True if owner == "module" and is_imported else None


def switch_on_links(_: Sphinx, config: Config) -> None:
    """Add the theme's links if the repository's address is set, and the book's address if it follows from it."""
    url = config.html_theme_options.get("repository_url")
    if not url:
        return
    config.html_theme_options |= dict.fromkeys(BUTTONS, True) | {"path_to_docs": "book", "launch_buttons": LAUNCH}
    parts = urlsplit(url)
    if parts.hostname == "github.com" and not config.html_baseurl:
        owner, name = parts.path.strip("/").removesuffix(".git").split("/")
        config.html_baseurl = f"https://{owner}.github.io/{name}/"


def complete_page(
    app: Sphinx, page_name: str, _: str, context: dict[str, Any], document: nodes.document | None
) -> None:
    """Give a page its description and repair its HTML."""
    if document is not None:
        context["metatags"] = context.get("metatags", "") + metatags(app.config, page_name, context["title"], document)
    repairs = REPAIRS + (ON_ONE_PAGE if app.builder.name == "singlehtml" else ())
    for wrong, right in repairs if "body" in context else ():
        context["body"] = re.sub(wrong, right, context["body"], flags=re.DOTALL)


def metatags(config: Config, page_name: str, title: str, document: nodes.document) -> str:
    """Return the description of a page for search engines and for those who share its address; with that, a picture."""
    title, described = re.sub("<[^>]*>", "", title), description(document)
    tags = {"og:type": "article", "og:site_name": config.html_title, "og:title": html.unescape(title)}
    if described:
        tags["og:description"] = described
    if config.html_baseurl:
        base = config.html_baseurl.rstrip("/")
        tags |= {"og:url": f"{base}/{page_name}.html", "og:image": f"{base}/_static/preview.png"}
        tags["og:image:alt"] = "The networks of the report: audio, visual and their fusion"
    lines = [f'<meta property="{name}" content="{html.escape(text)}">' for name, text in tags.items()]
    if described:
        lines.append(f'<meta name="description" content="{html.escape(described)}">')
    return "\n".join(["", *lines, '<meta name="twitter:card" content="summary_large_image">', ""])


def description(document: nodes.document) -> str:
    """Return the beginning of a page's first paragraph that is a sentence, whole words of it."""
    for paragraph in document.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split()).removeprefix("Question. ")
        if not text.endswith((".", "?", "!")):
            continue
        return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} …"
    return ""
