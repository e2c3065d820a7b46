# Apportion on NVIDIA GPUs; run with --gpus all --ipc=host. Build from the checkout:
#   docker build -f docker/gpu.Dockerfile -t apportion:gpu .
FROM python:3.11-slim
# vLLM compiles kernels when it starts.
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home apportion
WORKDIR /apportion
COPY . .
RUN python -m install.install --engine=gpu
# Postgres does not run as root, and its data should outlive the container.
RUN install -d -o apportion -g apportion /home/apportion/.local/share/apportion
USER apportion
VOLUME /home/apportion/.local/share/apportion
ENV PATH=/apportion/.venv/bin:$PATH
ENTRYPOINT ["apportion"]
