"""The config as the Snakefile loads and checks it."""

import copy
from pathlib import Path

import yaml
from snakemake.utils import update_config

from helpers.project import ROOT
from renet.config import validation

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def complete(config: dict) -> dict:
    """Fill in and check a config as the Snakefile does."""
    validation.load(config, {Path("config.yaml"): config}, {})
    return config


def check(overlay: dict) -> dict:
    config = copy.deepcopy(CONFIG)
    update_config(config, overlay)
    return complete(config)
