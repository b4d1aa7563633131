"""What the networks of finished runs make of videos: the learned features that the fusion joins (3.3)."""

from pathlib import Path

import keras
import numpy as np

from instrec_utils import files, models
from instrec_utils.features import embeddings
from instrec_utils.training.run import Run


def audio_embeddings_of(run: Run) -> dict[str, np.ndarray]:
    """Return what a finished audio run's network makes of every video; see `embeddings.audio_embeddings`."""
    return embeddings.audio_embeddings(
        run.corpus, run.audio_input, run.weights, features_key=run.features_key, description=run.name
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
