# Apportion on one machine with NVIDIA GPUs; run with --gpus all --ipc=host. Build from the checkout:
#   docker build -f docker/gpu.Dockerfile -t apportion:gpu .
FROM python:3.11-slim
# vLLM compiles kernels when it starts.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
# Postgres does not run as root, and its data should outlive the container.
RUN useradd --create-home --uid 10001 apportion \
    && install -d -o apportion -g apportion /home/apportion/.cache /home/apportion/.local/share/apportion
WORKDIR /apportion
COPY . .
RUN python -m install.install --engine=gpu
USER 10001
VOLUME /home/apportion/.local/share/apportion
ENV PATH=/apportion/.venv/bin:$PATH
ENTRYPOINT ["apportion"]
