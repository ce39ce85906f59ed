"""Train torchvision's ResNet-18 for an epoch on the faces of the workflow, and validate it.

PYTHONPATH=workflow/scripts .venv/bin/python docs/examples/train_resnet18.py
"""

import torch
from torch.utils.data import DataLoader
from torchvision.models import resnet18
from torchvision.transforms import v2

from renet.training.face_dataset import FaceDataset


def main():
    scaled = v2.ToDtype(torch.float32, scale=True)
    train = FaceDataset("results/data/train.h5", v2.Compose([v2.RandomHorizontalFlip(), scaled]))
    validation = FaceDataset("results/data/validation.h5", scaled)

    torch.manual_seed(1)
    model = resnet18(num_classes=2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    workers = {"num_workers": 1, "multiprocessing_context": "spawn"}
    for faces, classes in DataLoader(train, batch_size=32, shuffle=True, **workers):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(faces), classes).backward()
        optimizer.step()

    model.eval()
    with torch.inference_mode():
        batches = DataLoader(validation, batch_size=32)
        correct = sum(int((model(faces).argmax(1) == classes).sum()) for faces, classes in batches)
    print(f"{correct} of {len(validation)} faces of the validation set are predicted correctly")


if __name__ == "__main__":
    main()
