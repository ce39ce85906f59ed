"""The results of the last training that ended, kept until those of another one are there.

Snakemake deletes the outputs of a job before it starts it. Beside the outputs of a training are
therefore hard links to them, which need no space, in a folder that is named by all that the results
depend on. A training that asks for the same results, because an input was written again with the
same content or a change of the config was taken back, gets them without computing.
"""

import contextlib
import dataclasses
import logging
import os
import shutil
from pathlib import Path

from renet.common.errors import InputError
from renet.network import model_file
from renet.training.checkpoints import fingerprint

PREFIX = "finished-"


@dataclasses.dataclass(frozen=True)
class Finished:
    """The kept results of a training.

    Attributes:
        outputs: the files and folders of the training, all in one folder; the model is the first,
            and others may be missing.
        parts: all that they depend on, with the digest of each file of faces.
    """

    outputs: tuple[Path, ...]
    parts: tuple[object, ...]

    @property
    def folder(self) -> Path:
        """Where the results are kept."""
        return self.outputs[0].parent / f"{PREFIX}{fingerprint(*self.parts)}"

    def restore(self) -> bool:
        """Put the kept results in place of the outputs; False without any, or with damaged ones."""
        model = self.folder / self.outputs[0].name
        if not model.exists() or "" in self.parts:  # faces without a digest
            return False
        try:
            model_file.read(model)
        except InputError as error:
            logging.warning("The kept results of this training are not used: %s", error)
            return False
        for path in self.outputs:
            _link(self.folder / path.name, path)
        return True

    def keep(self) -> None:
        """Keep the outputs in place of those of the training before."""
        temporary = self.folder.with_name(f"{self.folder.name}.tmp")
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        for path in self.outputs:
            _link(path, temporary / path.name)
        for old in self.folder.parent.glob(f"{PREFIX}*"):
            if old != temporary:
                shutil.rmtree(old)
        temporary.rename(self.folder)


def _link(source: Path, target: Path) -> None:
    """A hard link in place of the target to a file, or to each file of a folder, if there is one.

    Where links cannot be made, it is a copy.
    """
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=_link_file)
    elif source.exists():
        _link_file(source, target)


def _link_file(source: str | Path, target: str | Path) -> None:
    with contextlib.suppress(OSError):
        os.link(source, target)
        return
    shutil.copyfile(source, target)
