"""Ten files of one archive through Snakemake: interrupted, resumed, never downloaded twice."""

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from helpers.archives import write_tar
from helpers.http_server import Response, serving
from helpers.workflow import copy_project, snakemake

FILES = 10
SIZE = 400_000
IN_TRANSIT = 1 << 16  # bytes that were sent and are not yet written
WAIT_SECONDS = 60.0


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as running:
        for number in range(FILES):
            photo = os.urandom(SIZE)
            tar = write_tar(tmp_path / f"imdb_{number}.tar", {f"imdb/{number}/a.jpg": photo})
            running.contents[f"/imdb_{number}.tar"] = tar.read_bytes()
        yield running


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c_ends_processes")
def test_interrupted_download_of_ten_files_is_resumed_byte_by_byte(server, tmp_path):
    """Two at a time: two files come, the third and fourth stall in their middle."""
    project = copy_project(tmp_path / "project")
    many = {
        "url": [server.url(path) for path in server.contents],
        "sha256": [hashlib.sha256(data).hexdigest() for data in server.contents.values()],
        "database": "imdb",
        "photos": "whole",
        "shards": 1,
    }
    config = {"sources": ["many"], "archives": {"many": many}}
    (project / "many.yaml").write_text(yaml.safe_dump(config))
    arguments = ["results/data/many/members.csv", "--configfile", "many.yaml"]
    server.responses = [Response()] * 2 + [Response(stall_after=SIZE // 2)] * 2
    parts, before_the_stall = project / "resources" / "many", SIZE // 2 - IN_TRANSIT
    command = [sys.executable, "-m", "snakemake", "--cores", "8", *arguments]
    process = subprocess.Popen(
        command, cwd=project, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while (
            len(server.requested_ranges()) < 4  # the first two can be parts of this size, too
            or sum(one.stat().st_size >= before_the_stall for one in parts.glob("*.part")) < 2
        ):
            assert time.monotonic() < deadline, "the downloads did not start"
            time.sleep(0.05)
        time.sleep(0.5)  # in which another one could begin
        gets = len(server.requested_ranges())
        assert gets == 4, "more than two downloads at a time"
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(WAIT_SECONDS)
    assert len(list(parts.glob("*.part"))) == 2
    outcome = snakemake(project, "--cores", 8, *arguments)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    resumed = [asked for asked in server.requested_ranges()[gets:] if asked]
    assert len(resumed) == 2 and len(server.requested_ranges()) == FILES + 2
    # Bytes in transit when the processes ended may be sent a second time.
    whole = sum(map(len, server.contents.values()))
    assert whole <= server.body_bytes <= whole + 4 * IN_TRANSIT
