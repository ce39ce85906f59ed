# An image with the packages that `make setup` installs. The project itself is mounted, so that an
# edited script needs no new image.
#   docker build --tag renet .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/project" renet
# With GPUs, add `--gpus all`. On x86, pip installs a PyTorch build with CUDA; it runs on CPUs too.
# With Apptainer: apptainer run --nv docker-daemon://renet:latest
FROM python:3.13-slim-trixie

# git gives the revision for provenance.json. The mounted project can belong to another user than
# the container's; git accepts it only as a safe.directory.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory /project

COPY requirements.txt /
RUN pip install --no-cache-dir --requirement /requirements.txt

# The user has no home folder in the container. Caches are deleted with the container.
ENV HOME=/tmp
WORKDIR /project
CMD ["snakemake", "--cores", "all"]
