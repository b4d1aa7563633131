"""The examples of the page "Reproduce it" are commands as they stand there: no placeholder, and they run."""

import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import outside
import pytest

from instrec_utils import corpora, models

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "book" / "reproduce.md").read_text(encoding="utf-8")
EXAMPLES = {
    title: "\n".join(re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    for title, text in re.findall(r"^### (.*?)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
}


def written(example):
    """Return the files that an example writes, by name."""
    return dict(re.findall(r"cat > (\S+) <<'END'\n(.*?)^END$", example, re.MULTILINE | re.DOTALL))


def test_the_page_has_an_example_of_each_kind():
    titles = ["Tweak one parameter", "Your own videos", "A new architecture", "A new corpus", "A table on a cluster"]
    assert list(EXAMPLES) == titles
    assert all(EXAMPLES.values())


@pytest.mark.parametrize("title", EXAMPLES)
def test_commands_have_no_placeholders(title):
    shell = re.sub(r"<<'END'.*?^END$", "", EXAMPLES[title], flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"path/to|\.\.\.|<|NN_| name value", shell)


def installed(home, title, module):
    """Install the package that an example writes, as its pyproject.toml declares it."""
    texts = {Path(name).name: text for name, text in written(EXAMPLES[title]).items()}
    project = tomllib.loads(texts["pyproject.toml"])
    assert project["tool"]["setuptools"]["py-modules"] == [module]
    modules = {module: texts[f"{module}.py"]}
    return outside.installed(home / "site", module, modules, project["project"]["entry-points"])


def test_the_network_of_the_example_is_an_architecture(home):
    with installed(home, "A new architecture", "my_network"):
        assert models.build("my_network", 3).output_shape == (None, 3)


def test_the_source_of_the_example_makes_a_corpus(home):
    from tiny_videos import write_tones

    tones = home / "tones"
    index = write_tones(tones, train=3, validation=2, test=2)
    index.to_csv(tones / "index.csv", index=False)
    with installed(home, "A new corpus", "my_source"):
        corpus = corpora.prepare_corpus("my-clips", "my_source", root=str(tones))
    assert corpus.index["split"].value_counts().to_dict() == {"train": 4, "validation": 4, "test": 4}


@pytest.fixture
def checkout(tmp_path):
    """A checkout that is set up, whose folders of data and runs are empty."""
    home = tmp_path / "instrec"
    (home / ".venv").mkdir(parents=True)
    for path in Path(sys.prefix).iterdir():
        if not path.name.startswith(".installed"):
            (home / ".venv" / path.name).symlink_to(path)
    for name in ("Makefile", "pyproject.toml", "requirements.lock", "_config.yml", "_toc.yml", "LICENSE"):
        shutil.copy(CHECKOUT / name, home)
    for name in ("book", "notebooks", "results"):
        (home / name).symlink_to(CHECKOUT / name)
    shutil.copytree(CHECKOUT / "params", home / "params")
    (home / ".venv" / ".installed").touch()
    return home


@pytest.mark.slow
def test_the_examples_run_one_after_the_other(checkout):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "INSTREC_"))}
    own |= {"INSTREC_HOME": str(checkout), "PATH": f"{checkout / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    for title, example in EXAMPLES.items():
        # In a shell of its own with job control, as a person's is; what it started in the background ends with it.
        script = f"trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{example.replace('8786', port)}"
        command = ["bash", "-m", "-euo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=checkout, env=own, capture_output=True, text=True)
        assert done.returncode == 0, f"{title}:\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
    for name in ("tweaked", "my-corpus", "my-network", "my-clips"):
        assert '"output_type": "error"' not in (checkout / f"{name}.ipynb").read_text(encoding="utf-8")
    trained = {path.stem for path in (checkout / "runs" / "tiny" / "results").glob("*.json")}
    assert {name.rpartition("-")[2] for name in trained if name.startswith("audio-choi2016")} == {"s10", "s11"}
    assert any("my_network" in name for name in trained)
    assert any("-k2-" in name for name in trained)
