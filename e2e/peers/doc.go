// Command peers measures keda-trust beside cert-manager's cainjector and
// open-policy-agent's cert-controller, which KEDA's operator has inside: what
// happens after a Secret has a certificate of another CA.
//
// It promises that all three get the same objects, the same certificates and the
// same rights to ask an API server, that what differs between them is printed
// with the result, and that a figure which misses what is wanted is printed as
// it is: it ends with 1 only if something could not be measured. What a
// contender does not do within its time is told, and ends no run.
//
// It must never look into a contender: objects, requests, memory and calls are
// seen from outside.
//
// Decisions that bind it (2026-11):
//   - Each is a process of its own, built as keda-trust's image is, so that
//     resident memory can be compared. They write to the same two objects, so
//     they run one at a time: in turns, each on a control plane of its own, whose
//     counters start at zero and whose objects nobody has touched.
//   - A turn measures without and then with thousands of other Secrets on the
//     same control plane; the difference of two control planes would be larger
//     than what is looked for.
//   - CAs are RSA and have their name as a DNS name, for cert-controller takes no
//     others for its own. It so is handed a certificate, as the other two are,
//     and not made to issue one: that would be the time that RSA keys take.
//   - The harness changes Secrets with PATCH, which none of the three does, and
//     counts what it has sent; every other request is a contender's or the API
//     server's own, and of those the ones that it makes by itself are left out.
//   - KEDA's admission webhooks are played by a server here, whose certificate
//     lags the Secret as the kubelet makes it, and that closes each connection:
//     every call shakes hands again. The API server reaches it by the Service,
//     which is an ExternalName, because there are no nodes.
package main
