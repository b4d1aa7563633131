"""Every size, rate and share once, with its unit and its place in the paper.

"4.2" and the like are sections of Slizovskaia, Gómez and Haro (ICMR 2017).
"""

from dataclasses import dataclass, field

LABELS = (
    *("accordion", "banjo", "cello", "clarinet", "drums", "flute", "guitar"),
    *("harmonica", "organ", "piano", "saxophone", "trumpet", "violin"),
)
"""The 13 categories of the paper's YouTube-8M subset, in alphabetical order."""

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class LogMel:
    """A log-mel spectrogram (4.2).

    Attributes
    ----------
    sample_rate : int [Hz, of mono sound]
    n_fft, hop_length : int [samples, of the Hann window]
    n_mels : int [mel bands: rows]
    num_frames : int [spectrogram frames of one network input: columns]
    """

    sample_rate: int
    n_fft: int
    hop_length: int
    n_mels: int
    num_frames: int

    @property
    def num_samples(self) -> int:
        """Samples that give exactly `num_frames` centred frames."""
        return (self.num_frames - 1) * self.hop_length


HAN2016 = LogMel(sample_rate=22_050, n_fft=1024, hop_length=512, n_mels=128, num_frames=43)
CHOI2016 = LogMel(sample_rate=12_000, n_fft=512, hop_length=256, n_mels=96, num_frames=1366)
AUDIOSET = LogMel(sample_rate=32_000, n_fft=1024, hop_length=320, n_mels=128, num_frames=301)

NUM_SEGMENTS = 10  # uniformly spread over the recording (4.2)
SEGMENT_SECONDS = 3.0  # (4.2)
SEGMENT_FRAMES = CHOI2016.num_frames // NUM_SEGMENTS  # columns of one of the ten joined segments: 136, 2.9 s

FRAME_RATE = 1.0  # frames per second taken from a video (4.2)
FRAME_SIZE = 256  # pixels a side, after resizing (4.2)
CROP_SIZE = 224  # pixels a side, central crop: the network's input (4.2)

SPLIT_SHARES = (0.70, 0.15, 0.15)  # train, validation, test (4.1)
SPLIT_SEED = 10  # the seed of the authors' published split


@dataclass(frozen=True)
class Protocol:
    """How a network is trained (3.4).

    Attributes
    ----------
    optimizer : {"sgd", "adam", "newton"}
        The first has a momentum of 0.9. The last solves for weights in which the loss is convex, see
        `training.solver`: it has none of the numbers below, which are 0.
    learning_rate : float [> 0, at the first epoch]
    batch_size : int [examples: videos, or what an architecture makes of them, as single frames or windows]
    max_epochs, patience : int [epochs]
        The latter without a lower validation loss, after which training stops.
    halve_every : int [epochs, after which the learning rate is halved; 0 for never]
    """

    optimizer: str
    learning_rate: float
    batch_size: int
    max_epochs: int
    patience: int
    halve_every: int = 0

    def learning_rate_at(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0."""
        return self.learning_rate * 0.5 ** (epoch // self.halve_every if self.halve_every else 0)


@dataclass(frozen=True)
class Profile:
    """What a training depends on beside each architecture's own protocol, which that declares.

    Attributes
    ----------
    warm_up_epochs : int [epochs, >= 0]
        In which an audio network is first trained on single segments or windows.
    augment : bool
        Vary the spectrograms in training.
    silent_videos : {"keep", "leave_out"}
        What an audio network's training does with videos in which nothing is to be heard.
    freeze_backbone : bool
        Train the layer of classes only, on stored embeddings, of a network with pretrained weights.
    fusion_dropout : float [0 to 1, dropped after each dense layer]
    """

    warm_up_epochs: int
    augment: bool
    silent_videos: str
    freeze_backbone: bool
    fusion_dropout: float


PROFILES = {
    "paper": Profile(0, augment=False, silent_videos="keep", freeze_backbone=False, fusion_dropout=0.0),
    # For corpora of a few hundred videos on a CPU.
    "quick": Profile(8, augment=True, silent_videos="leave_out", freeze_backbone=True, fusion_dropout=0.5),
}

MIN_SCORE = 1e-6  # of a class, before its logarithm is taken: the predictions' files have six digits

TRAINING_VERSION = 4  # raised when training changes what the same settings give


@dataclass(frozen=True)
class Conditions:
    """The declared share of clips in each recording condition of a staged corpus.

    The two are drawn independently, except that a clip without the instrument in sight is never also a
    silent one: such a clip would carry no evidence of its label at all.
    """

    picture: dict[str, float] = field(
        default_factory=lambda: {
            "clear": 0.44,
            "absent": 0.16,  # the instrument is not in sight
            "small": 0.10,
            "blurred": 0.10,
            "cropped": 0.10,
            "accompanied": 0.10,  # another instrument stands beside it
        }
    )
    sound: dict[str, float] = field(
        default_factory=lambda: {
            "clear": 0.44,
            "silent": 0.14,
            "distant": 0.10,
            "noise": 0.12,
            "babble": 0.10,  # talk-like noise
            "accompanied": 0.10,  # another instrument plays along more softly
        }
    )
