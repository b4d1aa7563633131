"""The only place that decodes: pictures at given times and mono sound of a video file."""

from instrec_utils.media.containers import MIN_WORK_SECONDS, MediaInfo, probe, work_seconds
from instrec_utils.media.pictures import PLANS, num_frames, read_frames, stretches
from instrec_utils.media.sound import read_sound

__all__ = [
    "MIN_WORK_SECONDS",
    "PLANS",
    "MediaInfo",
    "num_frames",
    "probe",
    "read_frames",
    "read_sound",
    "stretches",
    "work_seconds",
]
