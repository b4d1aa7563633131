"""The only place that decodes: pictures at given times and mono sound of a video file."""

from instrec_utils.media.copies import write_plain_copy
from instrec_utils.media.pictures import PLANS, num_frames, read_frames, stretches
from instrec_utils.media.sound import CHANNELS, Power, channel_power, read_sound, read_windows
from instrec_utils.media.streams import MAX_PROBE_SECONDS, MIN_WORK_SECONDS, MOTION, MediaInfo, probe, work_seconds

__all__ = [
    "CHANNELS",
    "MAX_PROBE_SECONDS",
    "MIN_WORK_SECONDS",
    "MOTION",
    "PLANS",
    "MediaInfo",
    "Power",
    "channel_power",
    "num_frames",
    "probe",
    "read_frames",
    "read_sound",
    "read_windows",
    "stretches",
    "work_seconds",
    "write_plain_copy",
]
