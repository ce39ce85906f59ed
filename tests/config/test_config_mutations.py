"""Any mutation of config.yaml is either a config or ends in a sentence that names the key."""

import copy
import json
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.config import CONFIG, complete
from helpers.project import ROOT
from renet.common.errors import InputError
from renet.config.runs import MAX_RUNS
from renet.config.schema import Config
from renet.planning import data_summary, inputs, run_settings

URL = "https://example.org/a.tar"
ARCHIVE = {"url": URL, "database": "wiki", "photos": "crop"}
ODD = st.sampled_from(
    [None, True, 0, -1, 3, 5, 0.5, 1e308, 10**30, float("nan"), float("inf"), float("-inf"), "",
     "1e-3", "a" * 250, "ab" * 40, "{x}", "<results>", "true", "thumbnails", "funnel.csv", "../up",
     "\u202eabc", "=1+1", "a\nb", [], [None], [1, "a"], {}, {"a": 1}, {"renet": None},
     {5: {}}, {True: {}}, {"x{y}": {}}, {"a" * 120: {}},
     {"train": {"seed": 2}}, {"seeds": list(range(30))}, {"seeds": [1] * 3}, "file:///",
     "file:///no/such{x}.tar", "https://example.org:99999/a.tar", "https://[::1/a.tar", URL]
)  # fmt: skip


@st.composite
def mutations(draw: st.DrawFn) -> tuple[dict, list[str]]:
    """A config of which one to three values are replaced, removed, renamed or added; and where."""
    config, places = copy.deepcopy(CONFIG), []
    for _ in range(draw(st.integers(1, 3))):
        section, key = config, []
        while True:
            name = draw(st.sampled_from(sorted(section, key=str)))
            key.append(str(name))
            inner = section[name]
            if not isinstance(inner, dict) or not inner or draw(st.booleans()):
                break
            section = inner
        match draw(st.sampled_from(["replace", "replace", "remove", "rename", "add"])):
            case "replace":
                section[name] = copy.deepcopy(draw(ODD))
            case "remove":
                del section[name]
            case "rename":
                section[draw(st.sampled_from([f"{name}s", 5, True]))] = section.pop(name)
            case "add":
                other = draw(ODD.filter(lambda one: not isinstance(one, dict | list)))
                section[other] = copy.deepcopy(draw(ODD))
                places.append(str(other))
        places.append(".".join(key))
        if not config:
            break
    return config, places


def planned(config: Config) -> None:
    """What the Snakefile computes of a config before the first job."""
    assert 0 < len(config.runs) <= MAX_RUNS
    for source in config.sources:
        assert 0 < len(inputs.shards(config, [source], ".npy")) <= 10_000
        inputs.receipts(config, [source])
        archive = config.used_archives[source]
        config.crop.spec(archive.record)
        assert archive.downloads
    assert config.audit.folds <= 100
    if config.audit.folds:
        run_settings.fold_settings(config.runs[config.named_run(config.audit.run)])
    json.dumps(data_summary.for_provenance(config), allow_nan=False)
    json.dumps(data_summary.for_pages(config), allow_nan=False)


@pytest.mark.fault("wrong-config")
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(case=mutations())
def test_mutated_config_works_or_ends_in_sentences_that_name_a_key(case):
    config, places = case
    try:
        settings = complete(config)
    except InputError as error:
        lines = str(error).splitlines()
        assert max(map(len, lines)) < 1000
        written = [*(place.split(".")[0] for place in places), *config, *CONFIG]
        words = set(re.findall(r"\w+", " ".join(map(str, written)).lower()))
        assert all(
            words & set(re.findall(r"\w+", line.lower())) or
            "has no key" in line or "URL" in line or "run " in line
            for line in lines
        ), error  # fmt: skip
    else:
        planned(settings)


def test_path_variable_can_be_written_with_the_other_one():
    folders = complete({"pathvars": {"resources": "<results>/archives"}}).pathvars
    assert (folders.results, folders.resources) == ("results", "<results>/archives")


@pytest.mark.fault("large-config")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
@pytest.mark.slow
@pytest.mark.parametrize(
    "overlay",
    [
        {"sample": {"shards": 10_000}},
        {"audit": {"folds": 100}},
        {"runs": {"a": {"seeds": list(range(49))}}},  # and renet
        {"runs": {5: {}}, "sources": [5], "archives": {5: ARCHIVE}},
        {"runs": {"a" * 19 + "b" * 19 + "-" * 19 + "c": {}}},
        {"sources": ["a"], "archives": {"a": ARCHIVE | {"url": URL + "?x={y}"}}},
        {"train": {"learning_rate": 1e308, "epochs": 10**30}},
    ],
    ids=lambda overlay: str(overlay)[:40],
)
def test_dry_run_at_the_bounds_takes_less_than_25_of_the_default_and_1_gb(
    tmp_path, default_seconds, overlay
):
    assert dry_run_seconds(tmp_path, overlay) < 25 * default_seconds


@pytest.fixture(scope="module")
def default_seconds(tmp_path_factory) -> float:
    return dry_run_seconds(tmp_path_factory.mktemp("default"), {"split": {"seed": 1}})


def dry_run_seconds(tmp_path: Path, overlay: dict) -> float:
    """CPU time of a dry run, which may use 1 GB of memory."""
    (tmp_path / "odd.yaml").write_text(yaml.safe_dump(overlay))
    command = [sys.executable, "-m", "snakemake", "-n", "--quiet"]
    command += ["--snakefile", ROOT / "Snakefile"]
    started = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    outcome = subprocess.run(
        [*command, "--directory", tmp_path, "--configfile", tmp_path / "odd.yaml"],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (1 << 30, 1 << 30)),
    )  # fmt: skip
    assert outcome.returncode == 0, outcome.stdout[-2000:] + outcome.stderr[-2000:]
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - started
