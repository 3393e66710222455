# Keywright in a container: docker build -t keywright .
# docs/operating/containers.md says how to run it.

FROM debian:12-slim AS build
WORKDIR /source
# Packages first: they change seldom, and this layer is kept while the source changes.
COPY tools/setup.sh tools/setup.sh
RUN tools/setup.sh build package
COPY . .
RUN make package && mv build/package/keywright_*.deb /keywright.deb

FROM debian:12-slim
# A number of its own, so that platforms can tell that this is not root and volumes keep their owner.
RUN adduser --system --group --uid 10001 --home /var/lib/keywright --no-create-home \
    --gecos Keywright keywright
RUN --mount=type=bind,from=build,source=/keywright.deb,target=/tmp/keywright.deb \
    apt-get update -q \
    && apt-get install -y -q --no-install-recommends ca-certificates /tmp/keywright.deb \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o keywright -g keywright -m 0700 /run/keywright
COPY --chmod=0755 packaging/container/entrypoint /usr/bin/keywright-entrypoint
COPY --chmod=0755 packaging/container/healthcheck /usr/bin/keywright-healthcheck

ENV KEYWRIGHT_DATA=/var/lib/keywright \
    KEYWRIGHT_LISTEN=0.0.0.0:8080 \
    KEYWRIGHT_RUNTIME_DIRECTORY=/run/keywright
USER 10001:10001
EXPOSE 8080
VOLUME /var/lib/keywright
STOPSIGNAL SIGTERM
# Alive, not ready: a node without its database is to be left alone until the database is back.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["/usr/bin/keywright-healthcheck", "/healthz"]
ENTRYPOINT ["/usr/bin/keywright-entrypoint"]
CMD ["serve"]
