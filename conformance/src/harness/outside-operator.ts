/** An operator that runs on the node of a test and in no pod, found by the API server all the same. */

/** The first node, as the API server reaches it; `conformance/cluster` makes it so. */
export const NODE = '192.0.2.11'

/** Kubernetes itself makes none of a pod that is on no node. */
export const ENDPOINTS = `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: smi-mesh-test, namespace: smi-mesh, labels: {kubernetes.io/service-name: smi-mesh}}
addressType: IPv4
ports: [{name: https-webhooks, port: 9443, protocol: TCP}]
endpoints: [{addresses: [${NODE}], conditions: {ready: true}}]
`
