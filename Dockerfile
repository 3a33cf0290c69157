# The static binary and nothing else. It is built beforehand, one for each
# platform, by `make image`; there is no base image to pull.
FROM scratch
ARG TARGETARCH
COPY bin/linux/${TARGETARCH}/keda-trust /keda-trust
# A number: the kubelet holds runAsNonRoot against it without a passwd file.
USER 65532:65532
ENTRYPOINT ["/keda-trust"]
