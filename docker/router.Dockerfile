# Workers without an engine: router, reconciler and trainer. Build from the checkout:
#   docker build -f docker/router.Dockerfile --build-arg TORCH_INDEX=<index with CPU builds of torch> -t apportion-router .
FROM python:3.11-slim
ARG TORCH_INDEX=""
RUN useradd --create-home --uid 10001 apportion && install -d -o apportion -g apportion /home/apportion/.cache
WORKDIR /apportion
COPY . .
# Training needs an encoder and tokenizers, and no engine.
RUN python -m install.install --engine=transformers --torch-index="$TORCH_INDEX"
USER 10001
VOLUME /home/apportion/.cache
ENV PATH=/apportion/.venv/bin:$PATH
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s CMD ["apportion", "doctor", "--worker"]
CMD ["celery", "-A", "worker.app", "worker", "-Q", "router,reconciler", "--loglevel", "INFO"]
