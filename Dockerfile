# syntax=docker/dockerfile:1

# An image of the distribution: one static binary with the web UI in it, root certificates, and nothing to log in with.
#
#   docker build --build-arg VERSION=v1.15.1-eks.1 --build-arg REVISION=$(git rev-parse HEAD) -t alloy-eks .
#   docker build --platform linux/amd64,linux/arm64 ...   # Cross-compiled, for Graviton nodes too.
#   docker build --build-arg TAGS=full ...                # With all of Alloy's components.
#
# `make image` makes the same image without a container engine. The files around the binary come from the same program, and a test compares the rest.
#
# The layout is that of the image grafana/alloy, so that the Helm chart and compose files made for it can use this one: /bin/alloy, configuration in
# /etc/alloy/config.alloy, state in /var/lib/alloy/data, user 473.

# Nothing of these bases gets into the image but what they make. They are pinned by tag: pin them by digest in the registry that you mirror them to.
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS sources
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod \
    go mod download github.com/grafana/alloy && \
    cp -R "$(go list -m -f '{{.Dir}}' github.com/grafana/alloy)/internal/web/ui" /ui && chmod -R u+w /ui

FROM --platform=$BUILDPLATFORM node:20 AS ui
COPY --from=sources /ui /ui
WORKDIR /ui
RUN --mount=type=cache,target=/cache/npm npm ci --cache /cache/npm --ignore-scripts --no-audit --no-fund && npm run build

FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
ARG TARGETOS TARGETARCH
ARG VERSION="" REVISION="" BUILD_DATE="" TAGS=""
WORKDIR /src
COPY . .
COPY --from=ui /ui/dist/ internal/webui/dist/
ENV GOCACHE=/cache/build
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/cache/build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build \
      -trimpath -buildvcs=false -tags "$TAGS" -o /out/alloy \
      -ldflags "-s -w \
        -X github.com/grafana/alloy/internal/build.Version=$VERSION \
        -X github.com/grafana/alloy/internal/build.Revision=$REVISION \
        -X github.com/grafana/alloy/internal/build.BuildDate=$BUILD_DATE" \
      ./cmd/alloy
RUN --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/cache/build \
    mkdir /out/files && \
    go run -C tools/image . files --config /src/operations/image/config.alloy | tar -x -C /out/files

FROM scratch
ARG VERSION="" REVISION="" BUILD_DATE=""
LABEL org.opencontainers.image.title="alloy-eks" \
      org.opencontainers.image.description="Grafana Alloy for logs of Amazon EKS: Firehose deliveries become Loki entries with the time of the log line" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.created="$BUILD_DATE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /out/files/ /
COPY --from=build --chown=473:473 /out/files/var/lib/alloy/ /var/lib/alloy/
COPY --from=build /out/alloy /bin/alloy

USER 473:473
WORKDIR /
# ALLOY_DEPLOY_MODE tells the services that Alloy talks to, in the User-Agent header, how it was deployed.
ENV PATH=/bin ALLOY_DEPLOY_MODE=docker
VOLUME ["/var/lib/alloy/data"]
# Firehose deliveries, and Alloy's own HTTP server.
EXPOSE 8080/tcp 12345/tcp
ENTRYPOINT ["/bin/alloy"]
CMD ["run", "/etc/alloy/config.alloy", "--storage.path=/var/lib/alloy/data"]
