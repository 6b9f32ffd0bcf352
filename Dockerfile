# The exporter as a static binary in an image with nothing else but CA certificates.
#
#   docker build -t scf-exporter .
#   docker run --rm -p 10112:10112 -v scf-state:/var/lib/scf-exporter \
#     -e TENCENTCLOUD_SECRET_ID -e TENCENTCLOUD_SECRET_KEY \
#     scf-exporter run --api cls --region ap-guangzhou

FROM rust:1.95-alpine AS build
# A C compiler for the cryptography; musl makes the result static.
RUN apk add --no-cache build-base ca-certificates
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src ./src
COPY templates ./templates
# Cargo wants every target of the manifest to be there.
COPY benches ./benches
COPY tests ./tests
RUN cargo build --locked --release --bin scf-exporter
# The state directory as it has to be in the image: a new volume takes its owner from here.
RUN mkdir -p /image/var/lib/scf-exporter

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/release/scf-exporter /usr/bin/scf-exporter
COPY --from=build --chown=65532:65532 /image/var/lib/scf-exporter /var/lib/scf-exporter
# Numeric, so that Kubernetes can see that it is not root.
USER 65532:65532
ENV SCF_EXPORTER_STATE_PATH=/var/lib/scf-exporter
VOLUME /var/lib/scf-exporter
EXPOSE 10112
ENTRYPOINT ["/usr/bin/scf-exporter"]
# Without arguments: the flags that there are.
CMD ["--help"]
