"""The config's section `train`."""

from pathlib import Path
from typing import Literal

from pydantic import model_serializer

from renet.common.model_folder import DESCRIPTION, model_in
from renet.config.section import ABSENT, Amount, Count, Decay, File, Positive, Section, Seed, Unique


class Start(Section):
    """Initial weights."""

    file: File
    """Path of the initial weights."""
    without: Literal["classifier"] = ABSENT
    """The layer that keeps its random weights."""

    @model_serializer
    def _as_written(self) -> dict[str, str]:
        return {"file": self.file} | ({"without": self.without} if self.without else {})


class Recipe(Section):
    """The training. The defaults are the course's (neon's GradientDescentMomentum)."""

    epochs: Count = 10
    """passes over the training set; raise this if the validation loss falls until the last epoch"""
    batch_size: Count = 32
    """faces in a batch; larger batches usually need a larger learning_rate"""
    optimizer: Literal["sgd", "adamw"] = "sgd"
    """sgd or adamw, which needs a learning_rate of about 0.001 and a weight_decay of about 0.05"""
    learning_rate: Positive = 0.01
    """learning rate; with a schedule or warm-up, its highest value; lower it if the loss grows"""
    schedule: Literal["constant", "cosine"] = "constant"
    """constant, or cosine: the rate falls to zero along half a cosine, as is usual today"""
    warm_up: Amount = 0.0
    """epochs in which the learning rate rises from zero; a few are usual with adamw"""
    momentum: Decay = 0.9
    """momentum of SGD"""
    nesterov: bool = False
    """the course's text names Nesterov momentum; its code does not use it"""
    weight_decay: Amount = 0.0005
    """weight decay of all parameters, biases and batch normalisation included, as in neon"""
    label_smoothing: Decay = 0.0
    """fraction of a label's weight that is divided equally among all classes; 0.1 is usual"""
    ema: Decay = 0.0
    """decay of a moving average of the weights, for instance 0.999; the average is validated and
    saved in place of the weights; 0: none"""
    augment: Unique[
        Literal["flip", "affine", "zoom", "colour", "grey", "blur", "noise", "erase"]
    ] = []
    """any of flip, affine, zoom (smaller faces), colour, grey, blur, noise, erase; use more of them
    with fewer faces"""
    mixup: Amount = 0.0
    """mix a second face into each, with a weight from Beta(mixup, mixup); 0.2 is usual; 0: none"""
    age_weight: Amount = 0.0
    """weight of a second loss, the cross-entropy of six age groups, for instance 0.3; 0: none"""
    age_adjustment: bool = False
    """training adds log(p(gender | age group) / p(gender)) to the logits, so that the network
    itself does not learn to infer gender from age; needs age_weight"""
    seed: Seed = 1
    """seed of the initial weights, of shuffle_each_epoch, of augment and of mixup"""
    shuffle_each_epoch: bool = False
    """false: the order of the HDF5 file in each epoch, as in neon"""
    select_epoch: Literal["last", "best"] = "last"
    """epoch whose weights are saved; best: the epoch with the lowest validation loss"""
    validate_every: Count = 1
    """validate every N epochs"""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """auto, cpu or cuda; auto: a GPU if PyTorch finds one, else the CPU"""
    precision: Literal["auto", "float32", "bfloat16"] = "float32"
    """bfloat16 is about twice as fast on a CPU that supports it; auto: bfloat16 if supported"""
    deterministic: bool = False
    """true: a GPU computes the same bits in each training, as a CPU always does, but is slower"""
    threads: Count = 2
    """PyTorch's threads of each process on a CPU. Results depend on this number; therefore,
    --cores does not change it. hog_svm uses one thread"""
    processes: Count = 1
    """processes that divide each batch: one for each GPU, or several on the CPU. --cores does not
    change this number"""
    start_from: File | Start | None = None
    """initial weights, such as results/runs/renet/model.pt; {file: resnet18.pth, without:
    classifier} leaves the classifier random (docs/training.md)"""
    freeze: Unique[str] | Literal["all_but_classifier"] = []
    """layers to freeze, such as [bn0, conv1, layer1.0], or all_but_classifier"""

    @property
    def start_files(self) -> list[str]:
        """Paths of the initial weights, and of the config.json beside them if it exists."""
        start = self.start_from.file if isinstance(self.start_from, Start) else self.start_from
        if not start:
            return []
        weights = model_in(Path(start).expanduser())
        beside = weights.with_name(DESCRIPTION)
        return [str(weights), *([str(beside)] if beside.is_file() else [])]

    def validates_after(self, epoch: int) -> bool:
        """Whether the training validates after this epoch (from 1)."""
        return epoch % self.validate_every == 0 or epoch == self.epochs
