"""The experiments of a corpus: its declared list, and their execution, one after the other or on Dask workers.

``params/tables/<corpus>.yaml`` is a list of entries, each a notebook and, for some of its parameters, the values to
combine. One combination is one run, which papermill executes in a kernel of its own::

    papermill notebooks/04_audio_model.ipynb out.ipynb -f params/open.yaml -p audio_model han2016 -p seed 11
"""

import functools
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sklearn.model_selection import ParameterGrid
from tqdm import tqdm

from instrec_utils import cluster, corpora, paths
from instrec_utils.corpora import Corpus
from instrec_utils.errors import InstrecError, ParameterError
from instrec_utils.pipeline.execution import execute_notebook
from instrec_utils.pipeline.parameters import (
    declared_parameters,
    notebook_path,
    parameters_of,
    parse_yaml,
    read_parameters,
)
from instrec_utils.training.run import Run
from instrec_utils.training.runs import runs_of

STAGES = {"03_visual_model": "visual", "04_audio_model": "audio", "05_fusion": "fusion"}
"""The notebooks that train, with the kind of their runs; a fusion needs the runs of the two before it."""


@dataclass(frozen=True)
class Experiment:
    """A notebook of `STAGES`, and the parameters of all notebooks with what this experiment changes."""

    notebook: str
    parameters: dict[str, Any]

    def run(self, corpus: Corpus) -> Run:
        """Return the run that the notebook makes."""
        return runs_of(corpus, self.parameters)[STAGES[self.notebook]]


def read_experiments(corpus_name: str, overrides: Mapping[str, Any]) -> list[Experiment]:
    """Return a corpus' experiments, those of earlier notebooks first; overrides hold where the list says nothing.

    No list, a malformed one, or a parameter of another type or not of the entry's notebook is a ParameterError.
    """
    path = paths.home() / "params" / "tables" / f"{corpus_name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(one.stem for one in path.parent.glob("*.yaml")))
        raise ParameterError(f"{path}: no list of experiments; there are lists for {known}")
    entries = parse_yaml(path.read_text(encoding="utf-8"), path)
    if not entries or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ParameterError(f"{path}: expected a list of entries, each with a notebook and lists of values")
    experiments: list[Experiment] = []
    for entry in entries:
        values = dict(entry)
        notebook = values.pop("notebook", None)
        if notebook not in STAGES:
            raise ParameterError(f"{path}: notebook: expected one of {', '.join(STAGES)}, got {notebook!r}")
        if not all(isinstance(value, list) and value for value in values.values()):
            raise ParameterError(f"{path}: {notebook}: expected a list of values for each parameter, got {values}")
        experiments += [
            Experiment(notebook, read_parameters(corpus_name, {**overrides, **one})) for one in ParameterGrid(values)
        ]
        if foreign := sorted(values.keys() - declared_parameters(notebook_path(notebook)).keys()):
            raise ParameterError(f"{path}: {notebook}: expected parameters that it declares, got {', '.join(foreign)}")
    unique = {repr(experiment): experiment for experiment in experiments}
    return sorted(unique.values(), key=lambda experiment: list(STAGES).index(experiment.notebook))


def execute_experiment(experiment: Experiment) -> str:
    """Execute an experiment's notebook in a kernel of its own, into the folder of runs; return that file's name."""
    own = parameters_of(notebook_path(experiment.notebook), experiment.parameters)
    name = "-".join([experiment.notebook, *(str(value) for value in own.values())]).replace("/", "_")
    executed = paths.runs_dir(experiment.parameters["corpus"]) / "executed" / f"{name[:200]}.ipynb"
    execute_notebook(notebook_path(experiment.notebook), own, executed)
    return executed.name


def train_experiments(
    experiments: Sequence[Experiment], *, scheduler: str = "", resources: dict[str, float] | None = None
) -> int:
    """Execute every experiment of one corpus that is not done, and return how many there were.

    The corpus must be prepared, see `report.make_report`. The experiments run one after the other, or on the
    workers of a running Dask scheduler that share this folder, of which each takes resources such as ``{"GPU": 1}``. If
    one fails, the others of its stage are finished before it is an InstrecError, and results that were there stay.
    """
    prepared = corpora.read_corpus(experiments[0].parameters["corpus"])
    count = 0
    for stage in STAGES:
        waiting = [one for one in experiments if one.notebook == stage and not one.run(prepared).is_done()]
        count += len(waiting)
        failed = _execute_on(scheduler, waiting, stage, resources) if scheduler else _execute_here(waiting, prepared)
        if failed:
            raise InstrecError(f"{stage}: {len(failed)} of {len(waiting)} runs failed, the first: {failed[0]}")
    return count


def _execute_here(waiting: Sequence[Experiment], corpus: Corpus) -> list[BaseException]:
    failed: list[BaseException] = []
    for number, experiment in enumerate(waiting, start=1):
        print(f"[{number}/{len(waiting)}] {experiment.run(corpus).name}", file=sys.stderr, flush=True)
        try:
            execute_experiment(experiment)
        except InstrecError as error:
            print(f"instrec: {error}", file=sys.stderr, flush=True)
            failed.append(error)
    return failed


def _execute_on(
    scheduler: str, waiting: Sequence[Experiment], stage: str, resources: dict[str, float] | None
) -> list[BaseException]:
    from distributed import as_completed

    each = max((one.parameters.get("num_devices", 1) for one in waiting), default=1)
    with cluster.connect(scheduler) as client:
        shares = cluster.share_gpus(client.run(cluster.gpus), each)
        execute = functools.partial(_execute_on_worker, shares=shares)
        futures = client.map(execute, waiting, pure=False, resources=resources)
        with tqdm(as_completed(futures), total=len(futures), desc=stage, unit="run") as done:
            return [error for future in done if (error := future.exception()) is not None]


def _execute_on_worker(experiment: Experiment, shares: Mapping[str, Sequence[str]]) -> str:
    """Execute an experiment on the worker's share of the GPUs; one that came later shares with the others."""
    from distributed import get_worker

    with cluster.limited_to(shares.get(get_worker().address, ())):
        return execute_experiment(experiment)
