# docker build -t ai4sim .
# docker run -it --rm --gpus all ai4sim                                   a shell
# docker run -it --rm --gpus all ai4sim ./script.sh combustion_unets      a shell in the use case
# docker run -it --rm --gpus all ai4sim ./script.sh combustion_unets train
#
# The CUDA of the base image is the one that the pinned torch is built with. Any Debian or Ubuntu with
# Python >= 3.11 does, e.g. --build-arg BASE=debian:bookworm-slim on a machine without GPU.
ARG BASE=nvidia/cuda:13.0.2-runtime-ubuntu24.04

# The environments depend on these files only: their layer stays when other code changes.
FROM ${BASE} AS declarations
WORKDIR /checkout
COPY . .
RUN mkdir declared && cp -r --parents pyproject.toml setup.py constraints.txt README.rst LICENSE docker sessions \
    ai4sim/__init__.py ai4sim/use_case.py */config.py */*/config.py declared/

FROM ${BASE}

# The owner of what a run writes into mounted folders: --build-arg UID="$(id -u)".
ARG UID=1000
# Use cases whose environments are in the image. One more costs little: they share their files.
ARG USE_CASES=all

COPY docker/system.sh /tmp/system.sh
RUN sh /tmp/system.sh "${UID}" && rm /tmp/system.sh

USER ai4sim
WORKDIR /home/ai4sim/ai4sim

COPY --chown=ai4sim:ai4sim --from=declarations /checkout/declared ./
RUN sh docker/environments.sh ${USE_CASES}

COPY --chown=ai4sim:ai4sim . .
CMD ["bash"]
