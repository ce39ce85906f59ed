"""What the jobs of a run ask Snakemake for: threads, GPUs, memory and machines."""

from types import SimpleNamespace

from renet.planning import run_settings


def run_resources(run: dict) -> SimpleNamespace:
    """The threads and resources of a run's jobs, by name; no result depends on them.

    With the prefix `train_`, they are those of its training on each of its machines, and without
    it, those of one process. SLURM would distribute the resource `gpu` over several machines
    itself, so that a training asks there by `gres`; the plugin refuses both.

    Args:
        run: the complete settings of the run, as of `runs.runs`.
    """
    train, nodes = run["train"], run["resources"]["nodes"]
    processes = train["processes"] // nodes
    gpus = int(train["device"] != "cpu")  # for each process
    return SimpleNamespace(
        **run["resources"],
        threads=train["threads"],
        train_threads=train["threads"] * processes,
        compute_threads=run_settings.compute_settings(run)["threads"],
        gpus=gpus,
        train_gpus=gpus * processes if nodes == 1 else None,
        train_gres=f"gpu:{gpus * processes}" if nodes > 1 and gpus else None,
        # By this name of a launcher, the plugin leaves it to the job to start tasks.
        mpi="srun" if nodes > 1 else None,
        checkpoint_seconds=round(60 * run["checkpoints"]["minutes"]),
    )
