"""The experiments of a corpus: its declared list, and their execution, one after the other or on Dask workers.

``params/tables/<corpus>.yaml`` is a list of entries, each a notebook and, for some of its parameters, the values to
combine. One combination is one run, which papermill executes in a kernel of its own::

    papermill notebooks/04_audio_model.ipynb out.ipynb -f params/open.yaml -p audio_model han2016 -p seed 11
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from sklearn.model_selection import ParameterGrid
from tqdm import tqdm

from instrec_utils import cluster, corpora, files, paths
from instrec_utils.corpora import Corpus
from instrec_utils.errors import InstrecError, ParameterError
from instrec_utils.pipeline.execution import execute_notebook
from instrec_utils.pipeline.parameters import declared_parameters, read_parameters
from instrec_utils.training.run import Run
from instrec_utils.training.runs import parameters_path, runs_of

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


def read_experiments(corpus_name: str) -> list[Experiment]:
    """Return a corpus' experiments, those of earlier notebooks first.

    No list, a malformed one, or a parameter of another type or not of the entry's notebook is a ParameterError.
    """
    path = paths.home() / "params" / "tables" / f"{corpus_name}.yaml"
    if not path.exists():
        known = ", ".join(sorted(one.stem for one in path.parent.glob("*.yaml")))
        raise ParameterError(f"{path}: no list of experiments; there are lists for {known}")
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
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
        experiments += [Experiment(notebook, read_parameters(corpus_name, one)) for one in ParameterGrid(values)]
        if foreign := values.keys() - declared_parameters(_notebook_path(notebook)).keys():
            raise ParameterError(
                f"{path}: {notebook}: expected parameters that it declares, got {', '.join(sorted(foreign))}"
            )
    unique = {repr(experiment): experiment for experiment in experiments}
    return sorted(unique.values(), key=lambda experiment: list(STAGES).index(experiment.notebook))


def _notebook_path(name: str) -> Path:
    return paths.home() / "notebooks" / f"{name}.ipynb"


def execute_experiment(experiment: Experiment) -> str:
    """Execute an experiment's notebook in a kernel of its own, into the folder of runs; return that file's name."""
    corpus_name, notebook = experiment.parameters["corpus"], _notebook_path(experiment.notebook)
    declared = declared_parameters(notebook)
    own = {name: value for name, value in experiment.parameters.items() if name in declared}
    name = "-".join([experiment.notebook, *(str(value) for value in own.values())])
    executed = paths.runs_dir(corpus_name) / "executed" / f"{name.replace('/', '_')[:200]}.ipynb"
    execute_notebook(notebook, own, executed)
    return executed.name


def train_experiments(corpus_name: str, *, scheduler: str = "", resources: dict[str, float] | None = None) -> int:
    """Execute every experiment of a corpus that is not done, and return how many there were.

    Its features must be extracted. The experiments run one after the other, or on the workers of a running Dask
    scheduler that share this folder, of which each takes resources such as ``{"GPU": 1}``. If one fails, the others of
    its stage are finished before it is an InstrecError, and results that were there stay.
    """
    experiments = read_experiments(corpus_name)
    prepared = corpora.read_corpus(experiments[0].parameters["corpus"])
    # The notebooks find the runs that they join by the parameters of the report.
    files.write_text(parameters_path(prepared.name), yaml.safe_dump(read_parameters(corpus_name, {})))
    count = 0
    for stage in STAGES:
        waiting = [one for one in experiments if one.notebook == stage and not one.run(prepared).is_done()]
        count += len(waiting)
        failed = _execute_on(scheduler, waiting, stage, resources) if scheduler else _execute_here(waiting, stage)
        if failed:
            raise InstrecError(f"{stage}: {len(failed)} of {len(waiting)} runs failed, the first: {failed[0]}")
    return count


def _execute_here(waiting: Sequence[Experiment], stage: str) -> list[BaseException]:
    failed: list[BaseException] = []
    for number, experiment in enumerate(waiting, start=1):
        varied = {name: value for name, value in experiment.parameters.items() if name in _SHOWN}
        print(f"[{number}/{len(waiting)}] {stage} {varied}", file=sys.stderr, flush=True)
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

    with cluster.connect(scheduler) as client:
        futures = client.map(execute_experiment, waiting, pure=False, resources=resources)
        with tqdm(as_completed(futures), total=len(futures), desc=stage, unit="run") as done:
            return [error for future in done if (error := future.exception()) is not None]


_SHOWN = ("audio_model", "segmentation", "num_frames", "initial_weights", "fusion_form", "modality_dropout", "seed")
