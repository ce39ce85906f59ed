"""Write a run's predictor in a format of other programs.

Reads: model.pt of a run, and predictor.json beside it.
Writes: model.onnx or model.safetensors. Given the run's model card, the script also writes
README.md, config.json and a copy of a given model.onnx, as a folder for a model hub, which
predict.py reads, too.
"""

import logging
from functools import partial
from pathlib import Path

from renet.common import command_line, files
from renet.common.errors import InputError
from renet.prediction import export as formats
from renet.prediction import predictor


def export(
    model: Path,
    *,
    exported: command_line.Output,
    card: Path | None = None,
    onnx: Path | None = None,
) -> None:
    """Write the network of a run in a format of other programs.

    Args:
        model: folder of a run, or its model.pt.
        exported: file to write, whose name ends with .onnx or .safetensors.
        card: model_card.md of the run, to write a folder for a model hub with model.safetensors.
        onnx: model.onnx of the run, for this folder.
    """
    write = formats.find_writer(exported)
    files.check_distinct([exported], [predictor.model_in(model), card, onnx])
    if card:
        if exported.suffix != ".safetensors":
            raise InputError(f"`--card` needs an output named *.safetensors, not {exported}.")
        write = partial(formats.write_for_hub, card=card, onnx=onnx)
    write(exported, predictor.load(model))
    logging.info("%s is written (%.1f MB)", exported, exported.stat().st_size / 1e6)


main = partial(command_line.run, export)  # the command renet-export

if __name__ == "__main__":
    main()
