"""What the extension of the book adds to its pages."""

import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from docutils import nodes

from instrec_utils.report import sphinx_book


def config(url="", address=""):
    return SimpleNamespace(html_theme_options={"repository_url": url}, html_baseurl=address, html_title="The book")


def app_of(builder):
    return SimpleNamespace(builder=SimpleNamespace(name=builder))


def document(*texts):
    return nodes.document(None, None, "", *(nodes.paragraph("", text) for text in texts))


def test_without_an_address_there_are_no_links():
    one = config()
    sphinx_book.switch_on_links(None, one)
    assert one.html_theme_options == {"repository_url": ""}
    assert one.html_baseurl == ""


@pytest.mark.parametrize(
    ("url", "given", "address"),
    [
        ("https://github.com/doe/instrec", "", "https://doe.github.io/instrec/"),
        ("https://github.com/doe/instrec.git", "https://example.org/", "https://example.org/"),
        ("https://gitlab.com/doe/instrec", "", ""),
    ],
)
def test_one_address_switches_on_the_links(url, given, address):
    one = config(url, given)
    sphinx_book.switch_on_links(None, one)
    assert all(one.html_theme_options[name] for name in (*sphinx_book.BUTTONS, "launch_buttons"))
    assert one.html_baseurl == address


def test_a_page_is_described_by_its_first_sentence_in_whole_words():
    assert sphinx_book.description(document("A label", "Question. Does it?", "More.")) == "Does it?"
    long = sphinx_book.description(document("word " * 100 + "end."))
    assert len(long) <= sphinx_book.LONGEST + 2
    assert long.endswith("word …")
    assert sphinx_book.description(document("no sentence")) == ""


def test_what_is_shared_is_escaped_and_has_a_picture_where_the_address_is_known():
    page = document('It says "so" & more.')
    text = sphinx_book.metatags(config(), "open/page", "Title &amp; <em>more</em>", page)
    assert '<meta property="og:title" content="Title &amp; more">' in text
    assert 'content="It says &quot;so&quot; &amp; more."' in text
    assert "og:image" not in text
    text = sphinx_book.metatags(config(address="https://a.org/b/"), "open/page", "Title", page)
    assert '<meta property="og:url" content="https://a.org/b/open/page.html">' in text
    assert '<meta property="og:image" content="https://a.org/b/_static/preview.png">' in text


def test_while_a_book_is_built_no_network_is_loaded():
    script = (
        "import sys; from instrec_utils.report import sphinx_book; from instrec_utils.models.lazy import keras\n"
        "with sphinx_book.without_networks(): assert keras.Model is not None\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("owner", "name", "member", "answer"),
    [
        ("module", "nodes", nodes, None),
        ("module", "Node", nodes.Node, True),
        ("module", "Any", Any, True),
        ("module", "Alias", nodes.Node, None),
        ("class", "Node", nodes.Node, None),
        ("module", "PATTERN", re.compile(""), None),
        ("module", "metatags", sphinx_book.metatags, None),
    ],
)
def test_only_what_a_module_imports_is_skipped_before_autodoc_reads_its_source(owner, name, member, answer):
    assert sphinx_book.skip_imported(None, owner, name, member, False, None) is answer


def test_what_scrolls_is_reached_by_keyboard_and_references_are_items_of_a_list():
    context = {"body": '<div class="table-scroll"><table></table></div><div role="doc-biblioentry">', "title": ""}
    sphinx_book.complete_page(app_of("html"), "page", "", context, None)
    assert context["body"] == '<div class="table-scroll" tabindex="0"><table></table></div><div role="listitem">'


def test_a_summary_holds_no_paragraph_and_a_paragraph_no_list():
    folded = '<summary>\n<p class="collapsed admonition-title">Show</p>\n</summary>'
    items = '<ul class="a">\n<li>one</li>\n</ul>\n'
    context = {"body": f"{folded}<p>{items}</p>", "title": ""}
    sphinx_book.complete_page(app_of("html"), "page", "", context, None)
    assert context["body"] == folded.replace("<p ", "<span ").replace("</p>", "</span>") + items


def test_on_one_page_links_between_pages_lead_within_it():
    links = (
        '<a href="../open/05_fusion.html#table"><img src="../_static/a.svg"><a href="demo.html"><a href="index.html">'
    )
    context = {"body": links + '<a href="https://a.org/b.html">', "title": ""}
    sphinx_book.complete_page(app_of("singlehtml"), "page", "", context, None)
    assert context["body"] == (
        '<a href="#table"><img src="_static/a.svg"><a href="#document-demo"><a href="#top"><a href="https://a.org/b.html">'
    )
