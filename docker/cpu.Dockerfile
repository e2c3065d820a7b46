# Apportion without a GPU. Build from the checkout:
#   docker build -f docker/cpu.Dockerfile --build-arg TORCH_INDEX=<index with CPU builds of torch> -t apportion:cpu .
FROM python:3.11-slim
ARG TORCH_INDEX=""
RUN useradd --create-home apportion
WORKDIR /apportion
COPY . .
RUN python -m install.install --engine=cpu --torch-index="$TORCH_INDEX"
# Postgres does not run as root, and its data should outlive the container.
RUN install -d -o apportion -g apportion /home/apportion/.local/share/apportion
USER apportion
VOLUME /home/apportion/.local/share/apportion
ENV PATH=/apportion/.venv/bin:$PATH
ENTRYPOINT ["apportion"]
