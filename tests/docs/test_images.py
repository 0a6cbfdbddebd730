"""Images in docs/ that scripts draw are up to date."""
import os
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import architecture_svg  # noqa: E402
import terminal_svg  # noqa: E402


def test_explain_shows_what_the_program_prints():
    drawn = terminal_svg.draw(terminal_svg.output_of(os.environ["HR_BUILD_DIR"]))
    assert terminal_svg.OUT.read_text() == drawn, "run scripts/terminal_svg.py build/release"


def test_architecture_is_what_the_script_draws():
    before = architecture_svg.OUT.read_text()
    assert before == architecture_svg.draw(), "run scripts/architecture_svg.py"
