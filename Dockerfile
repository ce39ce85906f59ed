# An image with the packages that `make setup` installs. The project itself is mounted, so that an
# edited script needs no new image.
#   docker build --tag renet .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/project" renet
# With GPUs, add `--gpus all`. pip installs a PyTorch build with CUDA, a download of 3 GB, on ARM too;
# it runs on CPUs too. The build for CPUs alone, a download of 0.2 GB:
#   docker build --tag renet --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cpu .
# With Apptainer: apptainer run --nv docker-daemon://renet:latest
# For `snakemake --sdm apptainer`: apptainer build renet.sif docker-daemon://renet:latest
FROM python:3.13-slim-trixie@sha256:ffb752e139c0a19692a43af8d8523b274222dd68eebad5d583b45c2201c6e30a

# git gives the revision for provenance.json. The mounted project can belong to another user than
# the container's; git accepts it only as a safe.directory.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory /project

COPY requirements.txt constraints.txt /
ARG TORCH_INDEX=
RUN if [ -n "$TORCH_INDEX" ]; then \
        pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" \
            --constraint /constraints.txt torch torchvision; \
    fi \
    && pip install --no-cache-dir --constraint /constraints.txt --requirement /requirements.txt

# The user has no name and no home folder in the container. Caches are deleted with the container.
ENV HOME=/tmp USER=renet
WORKDIR /project
CMD ["snakemake", "--cores", "all"]
