# A worker that runs models in vLLM on NVIDIA GPUs; run with --gpus all --ipc=host and -Q engine.NAME, NAME being an
# engine of the strategy file. Build from the checkout:
#   docker build -f docker/engine.Dockerfile -t apportion-engine .
FROM python:3.11-slim
# vLLM compiles kernels when it starts.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends g++ && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 10001 apportion && install -d -o apportion -g apportion /home/apportion/.cache
WORKDIR /apportion
COPY . .
RUN python -m install.install --engine=gpu
USER 10001
# Weights that were downloaded, and what vLLM compiled.
VOLUME /home/apportion/.cache
ENV PATH=/apportion/.venv/bin:$PATH
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s CMD ["apportion", "doctor", "--worker"]
ENTRYPOINT ["celery", "-A", "worker.app", "worker", "--loglevel", "INFO"]
CMD ["-Q", "engine.smollm2-135m"]
