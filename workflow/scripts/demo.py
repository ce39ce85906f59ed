"""Open a page on this machine that predicts gender in a dropped, pasted or camera photo.

Reads: a run's folder, a folder for a model hub, a model file, or the best run of a results folder.
Writes: nothing. The photos of the page are in a temporary folder until the command ends.
Decides: nothing; the predictions are those of predict.py.
"""

import importlib.util
import logging
import os
import signal
import tempfile
from functools import partial
from pathlib import Path

from renet.common import command_line
from renet.common.errors import InputError
from renet.evaluation.tables import RUNS
from renet.network import devices
from renet.prediction import predictor


def demo(model: Path = Path("results"), *, compute: devices.Compute = devices.Compute()) -> None:
    """Open a page on 127.0.0.1 that predicts the gender of the faces in a photo, until Ctrl-C.

    Args:
        model: folder of a run or for a model hub, a model file, or a folder of results.
        compute: device, precision and threads.
    """
    if importlib.util.find_spec("gradio") is None:
        raise InputError("Gradio is not installed; run `pip install -r requirements-demo.txt`.")
    runs = model / "comparison" / "runs.csv"
    if runs.is_file():
        table = RUNS.read(runs, ["run", "rank"])
        model = model / "runs" / table.run[table["rank"] == 1].item()
    device = devices.choose(compute.device, compute.threads)
    placed = predictor.load(model).placed(device, compute.precision)
    for number in (signal.SIGTERM, signal.SIGHUP):  # these signals delete the photos, too
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="renet-demo-") as uploads:
        os.environ |= {"GRADIO_TEMP_DIR": uploads, "no_proxy": "127.0.0.1"}
        from renet.demo import page  # Gradio makes a folder when it is imported

        blocks = page.Demo(placed).blocks()
        try:
            _, url, _ = blocks.launch(**page.LAUNCH)
        except OSError as error:
            if "port" not in str(error):
                raise
            raise InputError(
                "Each port that the page may use is in use; end a program that uses one of the "
                "ports from 7860 on, or write a free port, such as GRADIO_SERVER_PORT=9000, before "
                "the command."
            ) from error
        logging.info("Open %s in a browser. Ctrl-C ends it.", url)
        blocks.block_thread()


main = partial(command_line.run, demo)  # the command renet-demo

if __name__ == "__main__":
    main()
