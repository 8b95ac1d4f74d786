# Mooring's gateway, from its wheel. The container runs without privileges, writes nothing but temporary files, and holds no
# secret. docs/in-kubernetes.md and compose.yaml show it at work, and how BASE is pinned by its digest.
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /src
COPY . .
# Node comes as a wheel of set-up, and stays in this stage. The wheel's own page is deleted once it is unpacked.
RUN python -m venv /opt/build && /opt/build/bin/pip install --quiet --require-hashes -r requirements-build.txt \
 && /opt/build/bin/python -m hatchling build -t wheel -d /tmp/wheel \
 && python -m venv /opt/mooring && /opt/mooring/bin/pip install --quiet --require-hashes -r requirements.txt \
 && /opt/mooring/bin/pip install --quiet --no-index --no-deps /tmp/wheel/*.whl \
 && XDG_STATE_HOME=/srv /opt/mooring/bin/mooring prepare \
 && rm -r /opt/mooring/lib/python*/site-packages/mooring/parts/page/files \
          /opt/mooring/lib/python*/site-packages/mooring/parts/page/snapshots \
 && /opt/mooring/bin/pip uninstall --quiet --yes pip \
 && chmod -R a+rX /opt/mooring /srv

FROM ${BASE}
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mooring
COPY --from=build /opt/mooring /opt/mooring
COPY --from=build /srv/mooring /srv/mooring
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 XDG_STATE_HOME=/srv XDG_CONFIG_HOME=/etc
USER 10001:10001
EXPOSE 8200
# Asked as the gateway is: https with a certificate that is for another name than this address.
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s \
  CMD ["/opt/mooring/bin/python", "-c", "import os, ssl, urllib.request as r; r.urlopen(os.environ.get('MOORING_HEALTH', 'http://127.0.0.1:8200/healthz'), timeout=4, context=ssl._create_unverified_context())"]
ENTRYPOINT ["/opt/mooring/bin/mooring"]
CMD ["--host", "0.0.0.0", "--fleet", "/etc/mooring/fleet.toml"]
