# The two images of the mesh: docker build --target operator . and docker build --target proxy .
# What goes in is listed once, in conformance/cluster/images/recipes.json, and packed by the same program as for the tests: what was
# tested is what is shipped. There is no shell in either, and no package manager.
FROM node:24.21.0-trixie-slim AS build
RUN apt-get update \
  && apt-get install --yes --no-install-recommends make python3-venv nftables iptables \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
RUN make setup && node conformance/cluster/images/pack.ts operator proxy
RUN for image in operator proxy; do \
    mkdir -p /images/$image; \
    for layer in $(node -p "require('./conformance/cluster/images/recipes.json').images.$image.layers.join(' ')"); do \
      tar --extract --file .cluster/images/layers/$layer.tar --directory /images/$image || exit 1; \
    done; \
  done

FROM scratch AS operator
COPY --from=build /images/operator /
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 15000:15000
ENTRYPOINT ["/usr/local/bin/smi-mesh"]

FROM scratch AS proxy
COPY --from=build /images/proxy /
ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
USER 15000:15000
ENTRYPOINT ["/usr/local/bin/envoy"]
