# syntax=docker/dockerfile:1
# The exporter as a static binary in an image with nothing else but CA certificates.
#
#   docker build -t scf-exporter .
#   docker run --rm --read-only -p 10112:10112 -v scf-state:/var/lib/scf-exporter \
#     -e TENCENTCLOUD_SECRET_ID -e TENCENTCLOUD_SECRET_KEY \
#     scf-exporter run --api cls --region ap-guangzhou
#
# amd64 and arm64: `docker buildx build --platform linux/amd64,linux/arm64 .` builds each on a
# machine of its kind, or emulated, which is slow. Nothing is cross-compiled, so nothing here
# differs between them.

FROM rust:1.95-alpine AS build
# A C compiler for the cryptography; musl makes the result static.
RUN apk add --no-cache build-base ca-certificates
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY crates ./crates
COPY src ./src
COPY templates ./templates
# Cargo wants every target of the manifest to be there.
COPY benches ./benches
COPY tests ./tests
ARG TARGETPLATFORM
# Shown by scf_exporter_build_info.
ARG SCF_EXPORTER_REVISION
# What was built and fetched before stays in caches of the builder, so a change of the sources
# builds them alone. The caches are no part of a layer: the program has to leave them here.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,id=scf-exporter-target-$TARGETPLATFORM \
    cargo build --locked --release --bin scf-exporter && \
    install -D -m 0755 target/release/scf-exporter /image/usr/bin/scf-exporter
# The state directory as it has to be in the image: a new volume takes its owner from here.
RUN install -d -m 0700 -o 65532 -g 65532 /image/var/lib/scf-exporter

FROM scratch
LABEL org.opencontainers.image.title="scf-exporter" \
      org.opencontainers.image.description="Prometheus exporter for Tencent Cloud SCF" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /image/usr/bin/scf-exporter /usr/bin/scf-exporter
COPY --from=build --chown=65532:65532 /image/var/lib/scf-exporter /var/lib/scf-exporter
# Numeric, so that Kubernetes can see that it is not root.
USER 65532:65532
ENV SCF_EXPORTER_STATE_PATH=/var/lib/scf-exporter
VOLUME /var/lib/scf-exporter
EXPOSE 10112
# Another address, or TLS: -e SCF_EXPORTER_HEALTH_URL=https://127.0.0.1:9999/-/healthy
HEALTHCHECK --interval=30s --timeout=6s --start-period=10s --retries=3 \
    CMD ["/usr/bin/scf-exporter", "health"]
ENTRYPOINT ["/usr/bin/scf-exporter"]
# Without arguments: the flags that there are.
CMD ["--help"]
