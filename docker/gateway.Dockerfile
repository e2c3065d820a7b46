# The command line as a producer, and the HTTP API (`serve`). Build from the checkout:
#   docker build -f docker/gateway.Dockerfile --build-arg TORCH_INDEX=<index with CPU builds of torch> -t apportion-gateway .
FROM python:3.11-slim
ARG TORCH_INDEX=""
# Uploaded and written files should outlive the container.
RUN useradd --create-home --uid 10001 apportion \
    && install -d -o apportion -g apportion /home/apportion/.cache /home/apportion/.local/share/apportion /files
WORKDIR /apportion
COPY . .
# Planning needs an encoder and tokenizers, and no engine.
RUN python -m install.install --engine=transformers --torch-index="$TORCH_INDEX"
USER 10001
VOLUME /home/apportion/.cache
VOLUME /home/apportion/.local/share/apportion
WORKDIR /files
ENV PATH=/apportion/.venv/bin:$PATH
ENTRYPOINT ["apportion"]
