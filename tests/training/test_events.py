"""TensorBoard's event files have the history, also of a training that was interrupted."""

import struct
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event

from renet.training.monitoring import EventLog


def read(folder: Path) -> dict[tuple[str, int], float]:
    """The points of all event files: {(chart, epoch): value}."""
    points = {}
    for path in folder.iterdir():
        content = path.read_bytes()
        while len(content) > 16:  # records of length, checksum, data, checksum
            (length,) = struct.unpack("<Q", content[:8])
            event = Event.FromString(content[12 : 12 + length])
            content = content[16 + length :]
            for value in event.summary.value:
                points[value.tag, event.step] = round(value.simple_value, 6)
    return points


def rows(*epochs: int) -> tuple[list[dict], list[dict]]:
    history = [{"epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5} for epoch in epochs]
    return history, [{"epoch": epoch, "images_per_second": 10.0 * epoch} for epoch in epochs]


def test_each_epoch_is_a_point_of_each_chart_soon_after_its_end(tmp_path):
    history, throughput = rows(1)
    log = EventLog(tmp_path / "tensorboard", history, throughput)
    assert read(tmp_path / "tensorboard")["loss/train", 1] == 1.0
    for table, more in zip((history, throughput), rows(2), strict=True):
        table += more
    log.add_epochs()
    log.close()
    points = read(tmp_path / "tensorboard")
    assert points["loss/train", 2] == 0.5 and points["throughput/images_per_second", 2] == 20.0
    assert not [chart for chart, _ in points if chart == "loss/validation"]


def test_continued_training_has_the_earlier_epochs_once(tmp_path):
    for epochs in (1, 2):
        EventLog(tmp_path / "tensorboard", *rows(*range(1, 1 + epochs))).close()
    assert len(list((tmp_path / "tensorboard").iterdir())) == 1
    assert {epoch for _, epoch in read(tmp_path / "tensorboard")} == {1, 2}
