"""The files of the repository, as the other tools want them."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_OURS = {".git", "build", "data", "node_modules", "__pycache__"}


def files():
    """Paths relative to ROOT: what git tracks or could add; everything where git is not at hand."""
    # A clone may belong to somebody else, such as in a container: reading it is all we do.
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if listed.returncode == 0:
        names = set(filter(None, listed.stdout.split("\0")))
    else:
        names = set(walk())
    return sorted(name for name in names if (ROOT / name).is_file())


def walk():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS]
        for name in names:
            yield str((pathlib.Path(folder) / name).relative_to(ROOT))
