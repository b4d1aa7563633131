"""pyproject.toml is the one list of dependencies; the lock and the conda environment follow it."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

HOME = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))
TOOLS = PROJECT["dependency-groups"]["dev"]
EXTRAS = ("open", "lab", "app")
OPTIONAL = PROJECT["project"]["optional-dependencies"]
DEPENDENCIES = PROJECT["project"]["dependencies"] + [text for extra in EXTRAS for text in OPTIONAL[extra]]
DECLARED = [Requirement(text) for text in DEPENDENCIES + TOOLS]
LOCK = (HOME / "requirements.lock").read_text(encoding="utf-8")
CUDA_LOCK = (HOME / "requirements-cuda.lock").read_text(encoding="utf-8")
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = {"linux": "Linux", "darwin": "Darwin"}


def locked(lock=LOCK):
    """Return a lock's entries: a requirement and whether its files' checksums are given."""
    lines = [line for line in lock.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    return [(Requirement(line.split("--hash")[0].strip()), "--hash=sha256:" in line) for line in lines]


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_lock_satisfies_every_dependency(python, platform):
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": platform,
        "platform_system": PLATFORMS[platform],
    }
    versions = {}
    for requirement, _ in locked():
        if requirement.marker is None or requirement.marker.evaluate(environment):
            name = canonicalize_name(requirement.name)
            assert name not in versions, f"{name} is pinned twice for Python {python} on {platform}"
            versions[name] = next(iter(requirement.specifier)).version
    unmet = [
        (str(requirement), versions.get(canonicalize_name(requirement.name)))
        for requirement in DECLARED
        if not requirement.specifier.contains(versions.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert not unmet, "run `make lock`"


@pytest.mark.parametrize(("lock", "least"), [(LOCK, len(DECLARED)), (CUDA_LOCK, len(OPTIONAL["cuda"]))])
def test_every_locked_version_is_exact_and_has_checksums(lock, least):
    entries = locked(lock)
    assert len(entries) >= least
    for requirement, has_checksum in entries:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        assert requirement.url is None, requirement
        assert has_checksum, requirement


@pytest.mark.parametrize("lock", [LOCK, CUDA_LOCK])
def test_a_lock_names_no_host_and_no_path(lock):
    assert "://" not in lock
    entry = re.compile(r"#.*|[a-z0-9].*|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in lock.splitlines() if not entry.fullmatch(line)] == []
    assert "/" not in re.sub(r"(?m)^#.*", "", lock)


def test_what_a_gpu_takes_is_locked_beside_the_rest_for_linux_alone():
    main, cuda = ({canonicalize_name(one.name): one for one, _ in locked(lock)} for lock in (LOCK, CUDA_LOCK))
    assert not main.keys() & cuda.keys()
    assert not [name for name in main if "cuda" in name or name.startswith("nvidia")]
    assert {"jax-cuda12-plugin", "nvidia-cudnn-cu12", "nvidia-cublas-cu12"} <= cuda.keys()
    assert cuda["jax-cuda12-plugin"].specifier == main["jax"].specifier
    assert not any(one.marker.evaluate({"sys_platform": "darwin"}) for one in cuda.values())


def test_supported_pythons_are_those_that_are_locked():
    supported = SpecifierSet(PROJECT["project"]["requires-python"])
    assert [python for python in ("3.10", *PYTHONS, "3.14") if supported.contains(python)] == list(PYTHONS)


def test_the_conda_environment_is_the_project_and_its_tools():
    environment = yaml.safe_load((HOME / "environment.yml").read_text(encoding="utf-8"))
    python, pip, packages = environment["dependencies"]
    assert environment["name"] == PROJECT["project"]["name"]
    assert SpecifierSet(PROJECT["project"]["requires-python"]).contains(python.removeprefix("python="))
    assert pip == "pip"
    assert packages["pip"] == [f"--editable .[{','.join(EXTRAS)}]", *TOOLS]


def test_the_citation_has_the_version_and_the_licence():
    citation = yaml.safe_load((HOME / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["project"]["version"]
    assert citation["license"] == PROJECT["project"]["license"]
    assert f"Version {citation['version']}" in (HOME / "book" / "cite.md").read_text(encoding="utf-8")
