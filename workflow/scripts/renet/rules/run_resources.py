"""What the jobs of a run ask Snakemake for: threads, GPUs, memory and machines."""

from types import SimpleNamespace

from renet.config import runs


def run_resources(run: dict) -> SimpleNamespace:
    """The threads and resources of a run's jobs, by name; no result depends on them.

    Without the prefix `train_`, they are those of one process. `memory_mb` is on each machine.

    Args:
        run: the complete settings of the run, as of `runs.runs`.
    """
    train, checkpoints, nodes = run["train"], run["checkpoints"], run["resources"]["nodes"]
    threads, processes = train["threads"], train["processes"]
    gpus = int(train["device"] != "cpu")  # for each process
    return SimpleNamespace(
        **run["resources"],
        threads=threads,
        train_threads=threads * processes,
        compute_threads=runs.compute_settings(run)["threads"],
        gpus=gpus,
        # A training on several machines asks for those of each by `gres`; the plugin refuses both.
        train_gpus=gpus * processes if nodes == 1 else None,
        checkpoint_seconds=round(60 * checkpoints["minutes"]),
        **_slurm(nodes, threads * processes // nodes, gpus * processes // nodes),
    )


def _slurm(nodes: int, threads: int, gpus: int) -> dict[str, str | int | None]:
    """What SLURM's plugin needs of a training on several machines; None for the others.

    The script itself starts one task on each machine.

    Args:
        threads, gpus: of all processes on a machine.
    """
    if nodes == 1:
        return dict.fromkeys(("mpi", "tasks", "tasks_per_gpu", "cpus_per_task", "gres"))
    return {
        "mpi": "srun",
        "tasks": nodes,
        "tasks_per_gpu": 0,  # not set
        "cpus_per_task": threads,
        # The same number on each machine; SLURM would distribute those of `gpu` itself.
        "gres": f"gpu:{gpus}" if gpus else None,
    }
