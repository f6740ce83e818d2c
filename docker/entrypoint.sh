#!/bin/sh
# `docker run IMAGE processor` and `docker run IMAGE bec-alerts processor` do the same. Node becomes process 1 and receives
# the signals itself.
if [ "$1" = bec-alerts ]; then
  shift
fi
exec node /app/dist/cli/main.js "$@"
