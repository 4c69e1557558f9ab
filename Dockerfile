# syntax=docker/dockerfile:1

# An image of the distribution: one static binary on a base that has root certificates, time zones and nothing to log in with.
#
#   docker build --build-arg VERSION=v1.15.1-eks.1 --build-arg REVISION=$(git rev-parse HEAD) -t alloy-eks .
#   docker build --platform linux/amd64,linux/arm64 ...   # Cross-compiled, for Graviton nodes too.
#   docker build --build-arg TAGS=full ...                # With all of Alloy's components.
#
# The layout is that of the image grafana/alloy, so that the Helm chart and compose files made for it can use this one: /bin/alloy, configuration in /etc/alloy/config.alloy,
# state in /var/lib/alloy/data, user 473.

# Both base images are pinned by tag. Pin them by digest in the registry that you mirror them to.
FROM --platform=$BUILDPLATFORM golang:1.26.8 AS build
ARG TARGETOS TARGETARCH
ARG VERSION="" REVISION="" BUILD_DATE="" TAGS=""
WORKDIR /src
COPY . .
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
# The final image has no shell to make these with.
RUN mkdir -p /out/data && \
    printf 'root:x:0:0:root:/root:/sbin/nologin\nalloy:x:473:473:alloy:/var/lib/alloy:/sbin/nologin\n' > /out/passwd && \
    printf 'root:x:0:\nalloy:x:473:\n' > /out/group

FROM gcr.io/distroless/static-debian12
COPY --from=build /out/passwd /out/group /etc/
COPY --from=build --chown=473:473 /out/data /var/lib/alloy/data
COPY --from=build /out/alloy /bin/alloy
COPY operations/image/config.alloy /etc/alloy/config.alloy

USER 473:473
# Tells the services that Alloy talks to, in the User-Agent header, how it was deployed.
ENV ALLOY_DEPLOY_MODE=docker
# Firehose deliveries, and Alloy's own HTTP server.
EXPOSE 8080 12345
ENTRYPOINT ["/bin/alloy"]
CMD ["run", "/etc/alloy/config.alloy", "--storage.path=/var/lib/alloy/data"]
