# The base is an argument so that a mirror, or a digest, can be named: --build-arg NODE_IMAGE=...
ARG NODE_IMAGE=node:24-slim

# What is needed to compile, and nothing of it in the image.
FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package's install script runs. The package `node` is for machines with another Node.
RUN npm ci --ignore-scripts --no-audit --no-fund && rm -rf node_modules/node node_modules/.bin/node
COPY tsconfig.json tsconfig.build.json ./
COPY dev/build.ts dev/
COPY src src
RUN npm run build

# What runs. Maps and declarations of libraries are for those who develop with them.
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

# Compiled ahead: a worker lives for 200 messages by default and would compile the same code each time. Node keeps
# one cache for each user id, so it is filled as the one that runs later, who may then not write into it any more.
ENV NODE_COMPILE_CACHE=/app/.compile-cache
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home --shell /usr/sbin/nologin app
RUN install -d -o app -g app "$NODE_COMPILE_CACHE"
USER app
RUN node dist/cli/main.js --version \
    && node dist/processor/worker.js \
    && node --input-type=module --eval "await import('@sentry/node'); await import('@aws-sdk/client-s3')"
USER root
# Node writes its files for their owner alone.
RUN chown -R root:root "$NODE_COMPILE_CACHE" && chmod -R a+rX "$NODE_COMPILE_CACHE"

FROM ${NODE_IMAGE}
RUN groupadd --gid 10001 app && useradd --uid 10001 --gid app --no-create-home --shell /usr/sbin/nologin app
# Owned by root: the service can't change its own code.
COPY --from=runtime /app /app
WORKDIR /app
# NODE_OPTIONS: a watcher's run of 100,000 issues takes 190 MB with it and 310 MB without, in the same time.
ENV NODE_ENV=production \
    NODE_OPTIONS=--max-semi-space-size=4 \
    NODE_COMPILE_CACHE=/app/.compile-cache \
    PORT=8000
EXPOSE 8000
USER app
# Whether the process is alive, and not whether Postgres is: nobody is helped by a restart of us while that is away.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["node", "/app/docker/healthcheck.js"]
ENTRYPOINT ["/app/docker/entrypoint.sh"]
CMD ["--help"]
