"""The experiments of a corpus: its declared list, and their execution, one after the other or on Dask workers.

``params/tables/<corpus>.yaml`` is a list of entries, each a notebook and, for some of its parameters, the values to
combine. One combination is one run, which papermill executes in a kernel of its own::

    papermill notebooks/04_audio_model.ipynb out.ipynb -f params/open.yaml -p audio_model han2016 -p seed 11
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from sklearn.model_selection import ParameterGrid
from tqdm import tqdm

from instrec_utils import cluster, corpora, paths, pipeline
from instrec_utils.corpora import Corpus
from instrec_utils.errors import InstrecError, ParameterError, RunError
from instrec_utils.training import runs
from instrec_utils.training.runs import Run

STAGES = ("03_frame_model", "04_audio_model", "05_fusion")  # a fusion needs the runs of the two before it


@dataclass(frozen=True)
class Experiment:
    """A notebook and all parameters that it is executed with."""

    notebook: str
    parameters: dict[str, Any]

    def run(self, corpus: Corpus) -> Run:
        """Return the run that the notebook makes.

        Raises
        ------
        RunError
            It is a fusion, and a run that it joins is not there.
        """
        if self.notebook == "03_frame_model":
            return _call(runs.frame_run, self.parameters)
        if self.notebook == "04_audio_model":
            return _call(runs.audio_run, self.parameters)
        names = (_call(runs.audio_name, self.parameters), _call(runs.frame_name, self.parameters))
        audio, visual = (runs.read(corpus, name) for name in names)
        return _call(runs.fusion_run, self.parameters, corpus=corpus, audio=audio, visual=visual)

    def is_done(self, corpus: Corpus) -> bool:
        """Tell whether its result is there, of these very settings."""
        try:
            return self.run(corpus).is_done(corpus)
        except RunError:
            return False


def _call(function: Callable[..., Any], parameters: dict[str, Any], **given: Any) -> Any:
    names = inspect.signature(function).parameters
    return function(**{name: value for name, value in parameters.items() if name in names} | given)


def read(corpus: str) -> list[Experiment]:
    """Return a corpus' experiments, those of earlier notebooks first.

    Raises
    ------
    ParameterError
        There is no list, it is malformed, or a parameter is unknown or of another type.
    """
    path = paths.home() / "params" / "tables" / f"{corpus}.yaml"
    if not path.exists():
        known = ", ".join(sorted(one.stem for one in path.parent.glob("*.yaml")))
        raise ParameterError(f"{path}: no list of experiments; there are lists for {known}")
    entries = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ParameterError(f"{path}: expected a list of entries, each with a notebook and lists of values")
    experiments = []
    for entry in entries:
        values = dict(entry)
        notebook = values.pop("notebook", None)
        if notebook not in STAGES:
            raise ParameterError(f"{path}: notebook: expected one of {', '.join(STAGES)}, got {notebook!r}")
        if not all(isinstance(value, list) and value for value in values.values()):
            raise ParameterError(f"{path}: {notebook}: expected a list of values for each parameter, got {values}")
        experiments += [_experiment(corpus, notebook, combination) for combination in ParameterGrid(values)]
    unique = {repr(experiment): experiment for experiment in experiments}
    return sorted(unique.values(), key=lambda experiment: STAGES.index(experiment.notebook))


def _experiment(corpus: str, notebook: str, overrides: dict[str, Any]) -> Experiment:
    parameters = pipeline.read_parameters(corpus, overrides)
    declared = pipeline.declared(paths.home() / "notebooks" / f"{notebook}.ipynb")
    defaults = {name: yaml.safe_load(str(entry["default"])) for name, entry in declared.items()}
    return Experiment(notebook, defaults | {name: value for name, value in parameters.items() if name in declared})


def execute(experiment: Experiment) -> str:
    """Execute an experiment's notebook in a kernel of its own, into the folder of runs; return that file's name."""
    corpus = experiment.parameters["corpus"]
    name = "-".join([experiment.notebook, *(str(value) for value in experiment.parameters.values())])
    executed = paths.runs_dir(corpus) / "executed" / f"{name.replace('/', '_')[:200]}.ipynb"
    pipeline.execute(paths.home() / "notebooks" / f"{experiment.notebook}.ipynb", experiment.parameters, executed)
    return executed.name


def run(corpus: str, *, scheduler: str = "", resources: dict[str, float] | None = None) -> int:
    """Execute every experiment of a corpus that is not done, and return how many there were.

    Parameters
    ----------
    corpus : name of a list in ``params/tables/``; its features must be extracted.
    scheduler : address of a running Dask scheduler whose workers share this folder; empty for one after the other.
    resources : what each run takes of a worker, such as ``{"GPU": 1}``.

    Raises
    ------
    InstrecError
        An experiment failed; the others of its stage are finished first, and results that were there stay.
    """
    experiments = read(corpus)
    prepared = corpora.read_corpus(experiments[0].parameters["corpus"])
    count = 0
    for stage in STAGES:
        waiting = [one for one in experiments if one.notebook == stage and not one.is_done(prepared)]
        count += len(waiting)
        failed = _execute_all(waiting, stage, scheduler, resources)
        if failed:
            raise InstrecError(f"{stage}: {len(failed)} of {len(waiting)} runs failed, the first: {failed[0]}")
    return count


def _execute_all(
    waiting: Sequence[Experiment], stage: str, scheduler: str, resources: dict[str, float] | None
) -> list[BaseException]:
    if scheduler:
        return _execute_on(scheduler, waiting, stage, resources)
    failed: list[BaseException] = []
    for number, experiment in enumerate(waiting, start=1):
        varied = {name: value for name, value in experiment.parameters.items() if name in _SHOWN}
        print(f"[{number}/{len(waiting)}] {stage} {varied}", file=sys.stderr, flush=True)
        try:
            execute(experiment)
        except InstrecError as error:
            print(f"instrec: {error}", file=sys.stderr, flush=True)
            failed.append(error)
    return failed


def _execute_on(
    scheduler: str, waiting: Sequence[Experiment], stage: str, resources: dict[str, float] | None
) -> list[BaseException]:
    from distributed import as_completed

    with cluster.connect(scheduler) as client:
        futures = client.map(execute, waiting, pure=False, resources=resources)
        with tqdm(as_completed(futures), total=len(futures), desc=stage, unit="run") as done:
            return [error for future in done if (error := future.exception()) is not None]


_SHOWN = ("audio_model", "segmentation", "num_frames", "pretrained", "fusion_form", "modality_dropout", "seed")
