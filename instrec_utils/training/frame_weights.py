"""How much each frame of a test video counts in a fusion with attention, kept as one file beside the results."""

import keras
import numpy as np

from instrec_utils import files, models, paths
from instrec_utils.training.recipes import RECIPES
from instrec_utils.training.result_files import find_result, read_json
from instrec_utils.training.run import Run


def frame_weights(fusion: Run) -> dict[str, list[float]]:
    """Return the weights of the k frames of each test video that has pictures, which add up to 1, by its id.

    They are those of the file ``attention/<run>.json`` beside the run's result, else computed with the run's weights
    and written there. Nothing where there is neither.
    """
    result = read_json(find_result(fusion.corpus.name, fusion.name))
    training = {name: result[name] for name in ("run", "run_sha256", "finished")}
    for folder in paths.results_dirs(fusion.corpus.name):
        path = folder / "attention" / f"{fusion.name}.json"
        found = read_json(path) if path.exists() else {}
        if {name: found.get(name) for name in training} == training:
            return found["weights"]
    if paths.is_of_published() or not fusion.is_done():
        return {}
    weights = _computed(fusion)
    path = paths.working_results_dir(fusion.corpus.name) / "attention" / f"{fusion.name}.json"
    files.write_json(path, training | {"weights": weights})
    return weights


def _computed(fusion: Run) -> dict[str, list[float]]:
    network = models.load_model(fusion.weights)
    attention = keras.Model(network.input, network.get_layer("frame_weights").output)
    video_ids = fusion.corpus.split("test")["video_id"].tolist()
    load, _ = RECIPES["fusion"](fusion).load(video_ids, None)
    given = {one: load(number, np.random.default_rng(0)) for number, one in enumerate(video_ids)}
    given = {video_id: inputs for video_id, inputs in given.items() if inputs["frames"].any()}
    if not given:
        return {}
    batch = {name: np.stack([inputs[name] for inputs in given.values()]) for name in network.input}
    values = np.asarray(attention.predict_on_batch(batch), float)[..., 0].round(4)
    return dict(zip(given, values.tolist(), strict=True))
