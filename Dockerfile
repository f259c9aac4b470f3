# docker build -t ai4sim .
# docker run -it --rm --gpus all ai4sim                                   a shell
# docker run -it --rm --gpus all ai4sim ./script.sh combustion_unets      a shell in the use case
# docker run -it --rm --gpus all ai4sim ./script.sh combustion_unets train
#
# The CUDA of the base image is the one that the pinned torch is built with. Any Debian or Ubuntu with
# Python >= 3.11 does, e.g. --build-arg BASE=debian:bookworm-slim on a machine without GPU.
ARG BASE=nvidia/cuda:13.0.2-runtime-ubuntu24.04
FROM ${BASE}

# The owner of what a run writes into mounted folders: --build-arg UID="$(id -u)".
ARG UID=1000
# Use cases whose environments are in the image. One more costs little: they share their files.
ARG USE_CASES="combustion_gnns combustion_unets wf_gwd wf_bias_correction wmed"

COPY docker/system.sh /tmp/system.sh
RUN sh /tmp/system.sh "${UID}" && rm /tmp/system.sh

USER ai4sim
WORKDIR /home/ai4sim/ai4sim

# The environments depend on these files only: this layer stays when the code changes.
COPY --chown=ai4sim:ai4sim pyproject.toml setup.py constraints.txt README.rst LICENSE ./
COPY --chown=ai4sim:ai4sim ai4sim/__init__.py ai4sim/
COPY --chown=ai4sim:ai4sim sessions/ sessions/
COPY --chown=ai4sim:ai4sim docker/ docker/
RUN sh docker/environments.sh ${USE_CASES}

COPY --chown=ai4sim:ai4sim . .
CMD ["bash"]
