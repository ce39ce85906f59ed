"""Train torchvision's ResNet-18 for an epoch on the faces of the workflow, and validate it.

PYTHONPATH=workflow/scripts .venv/bin/python docs/examples/train_resnet18.py
"""

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.models import resnet18
from torchvision.transforms import v2

from renet.dataset import hdf5


class FaceDataset(Dataset):
    """Faces (3, height, width) uint8 RGB, transformed, and their classes: 0 female, 1 male.

    The pixels stay in the file, which is mapped into memory.
    """

    def __init__(self, path, transform):
        self.faces, self.transform = hdf5.read(path), transform

    def __len__(self):
        return len(self.faces)

    def __getitem__(self, row):
        face = torch.from_numpy(self.faces.pixels[row].copy())
        return self.transform(face), int(self.faces.targets[row])


scaled = v2.ToDtype(torch.float32, scale=True)
train = FaceDataset("results/data/train.h5", v2.Compose([v2.RandomHorizontalFlip(), scaled]))
validation = FaceDataset("results/data/validation.h5", scaled)

torch.manual_seed(1)
model = resnet18(num_classes=2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
for faces, classes in DataLoader(train, batch_size=32, shuffle=True):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(model(faces), classes).backward()
    optimizer.step()

model.eval()
with torch.inference_mode():
    batches = DataLoader(validation, batch_size=32)
    correct = sum(int((model(faces).argmax(1) == classes).sum()) for faces, classes in batches)
print(f"{correct} of {len(validation)} faces of the validation set are predicted correctly")
