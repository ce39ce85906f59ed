"""What the jobs of a run ask Snakemake for: threads, GPUs, memory and machines."""

import dataclasses

from renet.config import runs


@dataclasses.dataclass(frozen=True)
class RunResources:
    """The threads and resources of a run's jobs; no result depends on them.

    Attributes:
        run: the complete settings of the run, as of `runs.runs`.
    """

    run: dict

    @property
    def threads(self) -> int:
        """PyTorch's threads in one process of a training."""
        return self.run["train"]["threads"]

    @property
    def compute_threads(self) -> int:
        """The threads that a run predicts with."""
        return runs.compute_settings(self.run)["threads"]

    @property
    def train_threads(self) -> int:
        """The threads of all processes of a training."""
        return self.threads * self.processes

    @property
    def processes(self) -> int:
        """The processes of a training."""
        return self.run["train"]["processes"]

    @property
    def nodes(self) -> int:
        """The machines that share these processes."""
        return self.run["resources"]["nodes"]

    @property
    def batch_size(self) -> int:
        """The faces that one process of a training takes at a time."""
        return max(1, self.run["train"]["batch_size"] // self.processes)

    @property
    def gpus(self) -> int:
        """One GPU, unless the config asks for the CPU."""
        return int(self.run["train"]["device"] != "cpu")

    @property
    def train_gpus(self) -> int:
        """One GPU for each process of a training, unless the config asks for the CPU."""
        return self.gpus * self.processes

    @property
    def memory_mb(self) -> int:
        """Megabytes on each machine."""
        return self.run["resources"]["memory_mb"]

    @property
    def minutes(self) -> int:
        """The time limit of a training's job."""
        return self.run["resources"]["minutes"]

    @property
    def profile_steps(self) -> int:
        """Steps of which there is to be a trace."""
        return self.run["resources"]["profile_steps"]

    @property
    def checkpoint_seconds(self) -> int:
        """The longest time from one checkpoint to the next."""
        return round(60 * self.run["checkpoints"]["minutes"])

    @property
    def save_every(self) -> int:
        """Epochs from one saved model to the next; 0 saves none."""
        return self.run["checkpoints"]["save_every"]

    @property
    def keep_models(self) -> int:
        """The saved models that are kept."""
        return self.run["checkpoints"]["keep_models"]

    # For SLURM's plugin, of a training on several machines; None for the others. The script itself
    # starts one task on each machine.

    @property
    def mpi(self) -> str | None:
        """The launcher of the tasks."""
        return "srun" if self.nodes > 1 else None

    @property
    def tasks(self) -> int | None:
        """One task for each machine."""
        return self.nodes if self.nodes > 1 else None

    @property
    def tasks_per_gpu(self) -> int | None:
        """Zero: not set."""
        return 0 if self.nodes > 1 else None

    @property
    def cpus_per_task(self) -> int | None:
        """The threads of all processes on a machine."""
        return self.train_threads // self.nodes if self.nodes > 1 else None

    @property
    def gres(self) -> str | None:
        """The same number of GPUs on each machine; SLURM would distribute those of `gpu` itself."""
        gpus = self.train_gpus // self.nodes
        return f"gpu:{gpus}" if gpus and self.nodes > 1 else None
