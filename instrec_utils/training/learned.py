"""What the networks of finished runs make of videos: the learned features that the fusion joins (3.3), and scores."""

from pathlib import Path

import keras
import numpy as np

from instrec_utils import evaluation, files, models
from instrec_utils.features import embeddings, store
from instrec_utils.training.result_files import EVALUATED, predictions_path, read_predictions
from instrec_utils.training.run import Run


def audio_embeddings_of(run: Run) -> dict[str, np.ndarray]:
    """Return what a finished audio run's network makes of every video; see `embeddings.audio_embeddings`."""
    return embeddings.audio_embeddings(
        run.corpus,
        run.audio_input,
        run.weights,
        run.audio_backbone,
        features_key=run.features_key,
        description=run.name,
    )


def frame_embeddings_of(run: Run) -> Path:
    """Return the folder of what a finished visual run's network makes of every video's frames, computed once.

    A frozen backbone's are those of ImageNet, which all runs of the corpus share; a trained one's are beside the run.
    """
    if run.parameters["freeze_backbone"]:
        return embeddings.imagenet_embeddings(run.corpus, run.model, run.hardware)
    folder = run.directory / "embeddings"
    key = files.sha256_of_file(run.weights)
    embeddings.embed_frames(run.corpus, folder, lambda: visual_parts(run)[0], weights_key=key, hardware=run.hardware)
    return folder


def visual_parts(run: Run) -> tuple[keras.Model, keras.Model]:
    """Return a finished visual run's network in two: from frames to the embedding, and from that to the classes."""
    network = models.load_model(run.weights)
    if run.parameters["freeze_backbone"]:
        with run.hardware.precise():
            return embeddings.build_backbone(run.model), network
    embedding = network.get_layer("embedding").output
    return keras.Model(network.input, embedding), keras.Model(embedding, network.output)


def scores_of(run: Run) -> dict[str, np.ndarray]:
    """Return a finished run's scores [shape=(num_classes,), float32] of the videos that it was evaluated on, by id.

    Of a video without its modality, silent or without pictures, they are zeros.
    """
    found: dict[str, np.ndarray] = {}
    for split in EVALUATED:
        if predictions_path(run.result_path, split).exists():
            table = read_predictions(run.result_path, split)
            _, scores, _ = evaluation.from_predictions(table)
            found |= dict(zip(table["video_id"], scores.astype(np.float32), strict=True))
    return {video_id: scores * (not _lacks_modality(run, video_id)) for video_id, scores in found.items()}


def _lacks_modality(run: Run, video_id: str) -> bool:
    features_dir = run.corpus.directory / "features"
    if run.kind == "audio":
        return run.audio_input.is_silent(store.load_input(features_dir, video_id, run.audio_input))
    return not store.count_frames(store.features_path(features_dir, video_id))


def temperature_of(run: Run) -> float:
    """Return the temperature that fits a finished run's scores of the validation split best."""
    truth, scores, _ = evaluation.from_predictions(read_predictions(run.result_path, "validation"))
    return evaluation.temperature(truth, scores)
