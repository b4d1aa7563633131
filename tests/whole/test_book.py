"""The committed book: it builds without a warning, its links work, and a browser shows it without a network."""

import functools
import re
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import html5lib
import nbformat
import pytest
import yaml

from instrec_utils.config import Conditions
from instrec_utils.pipeline.book import published_corpora

HOME = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NO_NETWORK = ("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1", "--disable-background-networking")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-component-update", "--disable-sync", "--no-first-run", *NO_NETWORK)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build a copy of the committed book as the README says and return the folder of its pages."""
    root = tmp_path_factory.mktemp("checkout")
    for name in ("_config.yml", "_toc.yml", "CHANGELOG.md"):
        shutil.copy(HOME / name, root)
    for name in ("book", "results"):
        shutil.copytree(HOME / name, root / name, symlinks=True)
    command = [Path(sys.executable).with_name("jupyter-book"), "build", "-W", "-n", "--keep-going", "book/"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return root / "_build" / "html"


@dataclass
class Links(HTMLParser):
    """What a page refers to, and what of it can be referred to."""

    path: Path
    anchors: set = field(default_factory=set)
    followed: list = field(default_factory=list)  # by a reader
    loaded: list = field(default_factory=list)  # by the browser, without being asked

    def __post_init__(self):
        super().__init__()
        self.feed(self.path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        if tag == "a" and attributes.get("href"):
            self.followed.append(attributes["href"])
        if tag == "link" and {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch"} & set(
            attributes.get("rel", "").split()
        ):
            self.loaded.append(attributes["href"])
        if attributes.get("src") and tag != "a":
            self.loaded.append(attributes["src"])


def pages_of(built):
    """Return every page of the book, without the theme's templates in _static."""
    return sorted(path for path in built.rglob("*.html") if "_static" not in path.parts)


def test_every_page_of_the_contents_is_built(built):
    contents = yaml.safe_load((HOME / "_toc.yml").read_text(encoding="utf-8"))
    files = [contents["root"], *(chapter["file"] for part in contents["parts"] for chapter in part["chapters"])]
    missing = [name for name in files if not (built / f"{name}.html").exists()]
    assert not missing
    assert (HOME / "book" / "_toc.yml").resolve() == HOME / "_toc.yml"


def broken_links(built):
    """Return each page's name and what it refers to that is not there."""
    pages = {path: Links(path) for path in pages_of(built)}
    broken = []
    for path, links in pages.items():
        for address in links.followed + links.loaded:
            parts = urlsplit(address)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists() or (
                target in pages and unquote(parts.fragment) not in pages[target].anchors | {"", "top"}
            ):
                broken.append((path.name, address))
    return broken


def test_links_lead_somewhere(built):
    assert not broken_links(built)


@pytest.mark.slow
def test_the_book_is_one_page_as_well_whose_links_lead_somewhere(built):
    command = [Path(sys.executable).with_name("jupyter-book"), "build", "-W", "-n", "--builder", "singlehtml", "book/"]
    done = subprocess.run(command, cwd=built.parents[1], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    (page,) = pages_of(built.parent / "singlehtml")
    assert not broken_links(page.parent)
    text = page.read_text(encoding="utf-8")
    for heading in ("Late fusion", "Reproduce it", "Changelog"):
        assert re.search(rf"<h\d>[\d. ]*{heading}", text), heading


def test_nothing_is_loaded_from_elsewhere(built):
    loaded = [(path.name, address) for path in pages_of(built) for address in Links(path).loaded]
    assert loaded
    assert [
        entry for entry in loaded if urlsplit(entry[1]).scheme not in ("", "data") or entry[1].startswith("//")
    ] == []
    imports = re.compile(r"(?:@import\s+|url\(\s*)[\"']?((?:https?:)?//[^\"')\s]+)")
    assert [(path.name, imports.findall(text)) for path, text in styles_of(built) if imports.search(text)] == []


def styles_of(built):
    return [(path, path.read_text(encoding="utf-8")) for path in built.rglob("*.css")]


def test_pages_are_small_and_free_of_this_machine(built):
    for path in (HOME / "book").rglob("*"):
        if path.is_file() and "_vendor" not in path.parts:
            assert path.stat().st_size <= (1_000_000 if path.suffix == ".ipynb" else 300_000), path
    for path in pages_of(built):
        found = re.findall(r"(?:/home/|/root/|/tmp/|/Users/|site-packages)[^\s<\"']*", path.read_text(encoding="utf-8"))
        assert not found, path


def test_results_pages_were_executed_without_an_error_and_caption_every_figure():
    pages = sorted(path for name in published_corpora() for path in (HOME / "book" / name).glob("*.ipynb"))
    assert pages, "the executed pages of the demo corpus are part of the book: run `make report` and commit them"
    for path in pages:
        outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", [])]
        assert outputs, path
        assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"], (
            path
        )
        assert not [output for output in outputs if "WARNING:" in output.get("text", "")], path
        shown = "".join("".join(output.get("data", {}).get("text/html", "")) for output in outputs)
        assert "<img" in shown or "<table" in shown, path
        assert shown.count("<figure") == shown.count("<figcaption>"), path


def captions(text):
    """Yield the caption of each figure directive in Markdown: its first paragraph after the lines of options."""
    fence = r"^(?:`{3,}|:{3,})"
    for content in re.findall(rf"{fence}\{{figure\}}[^\n]*\n(.*?){fence}$", text, re.DOTALL | re.MULTILINE):
        lines = content.split("\n")
        while re.match(r":[a-z]+:", lines[0]):
            lines.pop(0)
        yield "\n".join(lines).strip()


def test_no_caption_of_a_figure_begins_in_the_middle_of_a_sentence():
    pages = {path: list(captions(path.read_text(encoding="utf-8"))) for path in (HOME / "book").glob("*.md")}
    assert sum(map(len, pages.values())) >= 3
    begins = [(path.name, one[:60]) for path, found in pages.items() for one in found if not one[:1].isupper()]
    assert not begins, "an option of a directive stands on one line, however long"
    broken = ":::{figure} a.svg\n:name: a\n:alt: A sentence\n  that goes on.\n\nThe caption.\n:::"
    assert list(captions(broken)) == ["that goes on.\n\nThe caption."]


def test_every_page_has_a_title_of_its_own_and_a_description(built):
    titles = defaultdict(list)
    for path in pages_of(built):
        text = path.read_text(encoding="utf-8")
        titles[re.search("<title>(.*?)</title>", text, re.DOTALL).group(1)].append(path.name)
        if path.stem not in ("search", "py-modindex"):
            assert re.search('<meta name="description" content="[^"]{20,}"', text), path
    assert not {title: names for title, names in titles.items() if len(names) > 1}


def test_every_page_is_valid_html(built):
    for path in pages_of(built):
        parser = html5lib.HTMLParser()
        parser.parse(path.read_text(encoding="utf-8"))
        assert not parser.errors, path
        # What the parser lets pass: a summary holds words, not paragraphs.
        assert not re.search(r"<summary[^>]*>\s*<p\b", path.read_text(encoding="utf-8")), path


def test_declared_shares_on_the_page_are_those_of_the_configuration():
    text = (HOME / "book" / "corpora.md").read_text(encoding="utf-8")
    tables = {
        name.lower(): {condition: int(share) / 100 for condition, share in re.findall(r"\| `(\w+)` \| (\d+) % ", rows)}
        for name, rows in re.findall(r"^\| (Picture|Sound) \| Share .*?\n((?:\|.*\n)+)", text, re.MULTILINE)
    }
    assert tables == {"picture": Conditions().picture, "sound": Conditions().sound}


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def address(built):
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=built)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this system: install chromium to run the browser tests")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def page(browser):
    """Give a page that notes everything that goes wrong in it, by address."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(WITHIN)
    page = context.new_page()
    page.problems = defaultdict(list)

    def note(text):
        page.problems[page.url].append(text)

    page.on("console", lambda message: note(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: note(f"error: {error}"))
    page.on("requestfailed", lambda request: None if is_stopped(request) else note(f"failed: {request.url[:200]}"))
    page.on("response", lambda response: note(f"{response.status}: {response.url}") if response.status >= 400 else None)
    page.on("request", lambda request: None if is_local(request.url) else note(f"elsewhere: {request.url}"))
    yield page
    context.close()


def is_local(url):
    return urlsplit(url).scheme in ("data", "blob", "file") or urlsplit(url).hostname == "127.0.0.1"


def is_stopped(request):
    """Say whether Chromium itself stopped loading a file.

    It does so with a player's once it has enough to show, and with the tab's icon when the next page is opened first;
    a file that is missing fails in another way.
    """
    is_icon = urlsplit(request.url).path.endswith("favicon.svg")
    return request.failure == "net::ERR_ABORTED" and (request.resource_type == "media" or is_icon)


WITHIN = """window.within = (promise, seconds) =>
    Promise.race([promise, new Promise((_, fail) => setTimeout(fail, 1000 * seconds, `not in ${seconds} s`))]);"""

LOAD_PICTURES = """async () => {
    const bad = [];
    for (const image of document.querySelectorAll("img")) {
        image.loading = "eager";
        await within(image.decode(), 10).catch(() => {});
        if (!image.naturalWidth) bad.push(`not loaded: ${image.src.slice(0, 80)}`);
        // A picture in a link that has words is beside what it would say.
        const beside = image.closest("a")?.textContent ?? "";
        if (!(image.alt + beside).trim()) bad.push(`no alternative text: ${image.src.slice(0, 80)}`);
    }
    return bad;
}"""

PLAY_ALL = """async () => {
    const bad = [];
    for (const media of document.querySelectorAll("video, audio")) {
        media.muted = true;
        const start = media.currentTime;
        try {
            await within(media.play(), 10);
            for (let n = 0; n < 100 && media.currentTime <= start; n++) await new Promise(done => setTimeout(done, 50));
        } catch (error) {
            bad.push(`${media.currentSrc}: ${error}`);
        }
        if (media.readyState < 2 || media.currentTime <= start)
            bad.push(`${media.currentSrc}: does not play (ready ${media.readyState}, at ${media.currentTime} s)`);
        media.pause();
    }
    return bad;
}"""

UNSET_FORMULAS = """async () => {
    const formulas = document.querySelectorAll("span.math, div.math");
    if (!formulas.length) return [];
    await within(MathJax.startup.promise, 20);
    const bad = [...formulas].filter(formula => !formula.querySelector("mjx-container svg"));
    return [...bad, ...document.querySelectorAll("mjx-merror, [data-mjx-error]")].map(element => element.textContent);
}"""


def assert_no(problems):
    lines = [f"{url}: {text}" for url, found in problems.items() for text in found]
    assert not lines, "\n".join(lines)


def addresses(built):
    return [path.relative_to(built).as_posix() for path in pages_of(built)]


@pytest.mark.browser
@pytest.mark.slow
def test_pages_show_pictures_players_and_formulas(built, address, page):
    for name in addresses(built):
        page.goto(address + name, wait_until="load")
        for script in (LOAD_PICTURES, PLAY_ALL, UNSET_FORMULAS):
            page.problems[page.url] += page.evaluate(script)
    assert_no(page.problems)


@pytest.mark.browser
@pytest.mark.slow
def test_pages_open_from_the_disk(built, page):
    for name in addresses(built):
        page.goto((built / name).as_uri(), wait_until="load")
        for script in (LOAD_PICTURES, PLAY_ALL):
            page.problems[page.url] += page.evaluate(script)
    assert_no(page.problems)


@pytest.mark.browser
@pytest.mark.slow
def test_pages_fit_a_phone(built, address, page):
    page.set_viewport_size({"width": 390, "height": 844})
    too_wide = {}
    for name in addresses(built):
        page.goto(address + name, wait_until="load")
        page.evaluate(LOAD_PICTURES)
        width = page.evaluate("document.scrollingElement.scrollWidth")
        if width > 390:
            too_wide[name] = width
    assert too_wide == {}


@pytest.mark.browser
@pytest.mark.slow
def test_a_table_wider_than_the_text_takes_the_free_margin(built, page):
    page.set_viewport_size({"width": 1300, "height": 900})
    page.goto((built / "open" / "05_fusion.html").as_uri(), wait_until="load")
    box = page.locator(".table-scroll").filter(has_text="Table 4.")
    assert box.evaluate("one => one.scrollWidth <= one.clientWidth")
    assert box.evaluate("one => one.clientWidth > one.parentElement.clientWidth")
    assert page.evaluate("document.scrollingElement.scrollWidth") == 1300
    box.evaluate("one => one.scrollIntoView()")
    page.wait_for_selector(".bd-sidebar-secondary.hide")


AXE = """async () => (await axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})).violations
    .flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target}: ${node.html.slice(0, 120)}`))"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_pages_are_accessible(built, browser, width, scheme):
    """WCAG 2.1 AA, as far as axe can tell."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python, which has axe, is missing")
    axe = (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, problems = context.new_page(), {}
    for name in addresses(built):
        page.goto((built / name).as_uri(), wait_until="load")
        page.evaluate(axe)
        problems[name] = page.evaluate(AXE)
    context.close()
    assert_no(problems)


@pytest.mark.browser
@pytest.mark.slow
def test_search_finds_a_page(built, page):
    page.goto((built / "search.html").as_uri() + "?q=soundfont", wait_until="load")
    page.wait_for_selector("#search-results a[href*='corpora']", timeout=20_000)
