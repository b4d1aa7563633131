"""The exceptions that a user of the package meets.

Every message is one line that names the thing, what is allowed and what was received.
"""


class InstrecError(Exception):
    """Base class: anything that went wrong for a reason the user can act on."""

    def _render_traceback_(self) -> list[str]:
        """Be one line in a notebook: how the error came about does not help who can act on it."""
        return [f"{type(self).__name__}: {self}"]


class StorageError(InstrecError, OSError):
    """A file cannot be written: the disk is full, or its folder read-only. Made of errno and message."""

    def __str__(self) -> str:
        """Return the message alone."""
        return str(self.strerror)


class CorpusError(InstrecError):
    """A corpus is unknown, missing, incomplete or contradicts itself."""


class MediaError(InstrecError):
    """A file is not a plain media file, or its pictures or sound cannot be decoded."""


class FeaturesError(InstrecError):
    """A features file is missing, damaged, or belongs to another configuration."""


class ParameterError(InstrecError):
    """A parameter is unknown, or its value has the wrong type or range."""


class RunError(InstrecError):
    """A training run or its results are missing or belong to another configuration."""


class DownloadError(InstrecError):
    """A file could not be downloaded, or what came is not what was published."""
