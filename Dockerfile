# All packages of the workflow, from the list that `make setup` installs; the project itself is
# mounted, so that an edited script needs no new image.
#   docker build --tag renet .
#   docker run --rm --user "$(id -u):$(id -g)" --volume "$PWD:/project" renet
# With GPUs add `--gpus all`: the torch that pip installs on x86 brings CUDA along, and computes on
# CPUs too. Under Apptainer: apptainer run --nv docker-daemon://renet:latest
FROM python:3.13-slim-trixie

# git tells provenance.json the revision; the project belongs to another user than the one in here.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && git config --system --add safe.directory /project

COPY requirements.txt /
RUN pip install --no-cache-dir --requirement /requirements.txt

# Whoever runs this has no home in here, and caches go with the container.
ENV HOME=/tmp
WORKDIR /project
CMD ["snakemake", "--cores", "all"]
