"""The config as the Snakefile loads and checks it."""

import copy
from pathlib import Path

import yaml
from snakemake.utils import update_config

from helpers.project import ROOT
from renet.config import validation
from renet.config.schema import Config

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def complete(config: dict) -> Config:
    """Fill in and check a config as the Snakefile does."""
    return validation.load({}, {Path("config.yaml"): config}, {})


def check(overlay: dict) -> Config:
    config = copy.deepcopy(CONFIG)
    update_config(config, overlay)
    return complete(config)
