# Apportion on one machine without a GPU. Build from the checkout:
#   docker build -f docker/cpu.Dockerfile --build-arg TORCH_INDEX=<index with CPU builds of torch> -t apportion:cpu .
FROM python:3.11-slim
ARG TORCH_INDEX=""
# Postgres does not run as root, and its data should outlive the container.
RUN useradd --create-home --uid 10001 apportion \
    && install -d -o apportion -g apportion /home/apportion/.cache /home/apportion/.local/share/apportion
WORKDIR /apportion
COPY . .
RUN python -m install.install --engine=cpu --torch-index="$TORCH_INDEX"
USER 10001
VOLUME /home/apportion/.local/share/apportion
ENV PATH=/apportion/.venv/bin:$PATH
ENTRYPOINT ["apportion"]
