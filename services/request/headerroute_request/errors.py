"""The two kinds of errors: of one image, and of the whole run."""


class PictureError(Exception):
    """One image failed; the run continues."""


class RunError(Exception):
    """Nothing can be sent: no server, no input folder, or no output folder."""
