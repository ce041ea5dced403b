# The service with its sandbox: Debian, the pinned Bun, and the three programs it calls.
FROM oven/bun:1.4.5-slim AS bun

FROM debian:13-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends bubblewrap ca-certificates git ripgrep \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --create-home --uid 10001 bakeoff \
  && install --directory --owner=bakeoff --group=bakeoff /data
COPY --from=bun /usr/local/bin/bun /usr/local/bin/bun
WORKDIR /app
COPY package.json bun.lock bunfig.toml ./
COPY patches ./patches
RUN bun install --frozen-lockfile --production
COPY tsconfig.json ./
COPY drizzle ./drizzle
COPY src ./src
USER bakeoff
ENV BAKEOFF_DATA=/data HOST=0.0.0.0 PORT=3001
VOLUME /data
EXPOSE 3001
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
  CMD ["bun", "--eval", "process.exit((await fetch('http://127.0.0.1:3001/health')).ok ? 0 : 1)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["bun", "src/cli/main.ts"]
CMD ["up"]
