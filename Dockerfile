# The base image is an argument, so that you can use a mirror or a digest: --build-arg NODE_IMAGE=...
ARG NODE_IMAGE=node:24-slim

# This stage compiles. The image gets none of its tools.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package's install script runs. The package `node` is only for machines with another version of Node.
RUN npm ci --ignore-scripts --no-audit --no-fund && rm -rf node_modules/node node_modules/.bin/node
COPY tsconfig.json tsconfig.build.json ./
COPY dev/build.ts dev/
COPY src src
RUN npm run build

# This stage has the files that run. Source maps and type declarations of libraries are only for development.
FROM ${NODE_IMAGE} AS runtime
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
    && find node_modules -type f \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' \) -delete \
    && rm package-lock.json
COPY --from=build /app/dist dist
COPY migrations migrations
COPY LICENSE ./
COPY docker/entrypoint.sh docker/healthcheck.js docker/

# Dockerflow's version.json: https://github.com/mozilla-services/Dockerflow/blob/main/docs/version_object.md
ARG SOURCE=""
ARG VERSION=""
ARG COMMIT=""
ARG BUILD=""
COPY docker/version.js docker/
RUN node docker/version.js > version.json && rm docker/version.js

# Fills the compile cache. A worker lives for 200 messages by default, and would compile the same code each time. Node
# keeps one cache for each user id, so the user of the image fills it here. Later that user can't write to it.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home --shell /usr/sbin/nologin app
RUN install -d -o app -g app "$NODE_COMPILE_CACHE"
USER app
RUN node dist/cli/main.js --version \
    && node dist/processor/worker/entry.js \
    && node --input-type=module --eval "await import('@sentry/node'); await import('@aws-sdk/client-s3')"
USER root
# Node makes the cache files readable only for their owner.
RUN chown -R root:root "$NODE_COMPILE_CACHE" && chmod -R a+rX "$NODE_COMPILE_CACHE"

FROM ${NODE_IMAGE}
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home --shell /usr/sbin/nologin app
# Root owns the code, so the service can't change it.
COPY --from=runtime /app /app
WORKDIR /app
# NODE_OPTIONS: with Node's default, the young generation alone may grow to 100 MB, most of it garbage.
ENV NODE_ENV=production \
    NODE_OPTIONS=--max-semi-space-size=4 \
    NODE_COMPILE_CACHE=/app/.compile-cache \
    PORT=8000
EXPOSE 8000
# The numbers of the user app. Kubernetes can't look a name up, so runAsNonRoot refuses an image whose user is a name.
USER 10001:10001
# Checks whether the process is alive, not whether Postgres is: a restart doesn't help while Postgres is unreachable.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["node", "/app/docker/healthcheck.js"]
ENTRYPOINT ["/app/docker/entrypoint.sh"]
CMD ["--help"]
