"""Image files: which files of a folder are sent, and how an answer is saved under the same name."""
import io
import os
import tempfile

from .errors import PictureError, RunError

# Extension -> (media type of the request, Pillow's format, its options for the saved file).
# JPEG has no lossless mode: 95 is the highest quality that Pillow's documentation recommends.
FORMATS = {
    ".jpg": ("image/jpeg", "JPEG", {"quality": 95}),
    ".jpeg": ("image/jpeg", "JPEG", {"quality": 95}),
    ".png": ("image/png", "PNG", {}),
    ".webp": ("image/webp", "WEBP", {"lossless": True}),
    ".bmp": ("image/bmp", "BMP", {}),
}
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def format_of(name):
    """The entry of FORMATS for a file name, or None if its format is not supported."""
    return FORMATS.get(os.path.splitext(name)[1].lower())


def list_pictures(folder):
    """Returns the sorted file names of the images in `folder`; raises RunError if there is none."""
    try:
        with os.scandir(folder) as entries:
            names = sorted(e.name for e in entries if e.is_file() and format_of(e.name))
    except FileNotFoundError:
        raise RunError(f"input folder '{folder}' does not exist") from None
    except NotADirectoryError:
        raise RunError(f"input folder '{folder}' is not a folder") from None
    except OSError as e:
        raise RunError(f"input folder '{folder}' cannot be read: {e.strerror}") from None
    if not names:
        kinds = ", ".join(ext[1:] for ext in FORMATS)
        raise RunError(f"input folder '{folder}' has no image ({kinds})")
    return names


def prepare_output(folder, in_folder):
    """Creates `folder` and a temporary file in it, so that a run fails before its first image if it is not writable."""
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".headerroute-"):
            pass
    except FileExistsError:
        raise RunError(f"output folder '{folder}' is a file") from None
    except OSError as e:
        raise RunError(f"output folder '{folder}' cannot be written: {e.strerror}") from None
    if os.path.samefile(folder, in_folder):
        raise RunError(f"output folder '{folder}' is the input folder: the images would be overwritten")


def require_encoder(names):
    """Raises RunError, before anything is sent, if answers could not be saved without Pillow."""
    other = next((n for n in names if format_of(n)[1] != "PNG"), None)
    if other is None:
        return
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise RunError(f"Python's Pillow is needed to save '{other}' in the format of its name "
                       "(Debian: python3-pil)") from None


def read_picture(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError as e:
        raise PictureError(f"cannot be read: {e.strerror}") from None


def encode_as(name, png):
    """Returns `png` in the format of the file name's extension. PNG is returned unchanged."""
    if not png.startswith(PNG_SIGNATURE):
        raise PictureError("the server's answer is not a PNG image")
    _, kind, options = format_of(name)
    if kind == "PNG":
        return png
    from PIL import Image
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
            out = io.BytesIO()
            if kind in ("JPEG", "BMP") and picture.mode not in ("L", "RGB"):
                picture = picture.convert("RGB")
            picture.save(out, kind, **options)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as e:
        raise PictureError(f"the server's answer cannot be saved as {kind}: {e}") from None
    return out.getvalue()


def save_picture(folder, name, data):
    """Writes a temporary file and renames it, so that a file under its final name is always complete."""
    path, part = os.path.join(folder, name), os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        try:
            with open(part, "wb") as f:
                f.write(data)
            os.replace(part, path)
        except BaseException:
            if os.path.exists(part):
                os.unlink(part)
            raise
    except OSError as e:
        raise PictureError(f"cannot be saved: {e.strerror}") from None
