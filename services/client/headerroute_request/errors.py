"""The two ways in which things go wrong: for one picture, or for the whole run."""


class PictureError(Exception):
    """One picture failed; the run goes on."""


class RunError(Exception):
    """Nothing can be sent at all: no server, no folder, nowhere to write."""
