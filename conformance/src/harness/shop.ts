/** What a client under load asks (`load.ts`): a namespace of the mesh, servers in it, and who may ask them. As manifests. */

/** Namespace `shop`, which has joined, with the ServiceAccount `web` of its servers, which `load` may ask anything. */
export const SHOP = `
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { smi-mesh.dev/inject: enabled } }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: web, namespace: shop }
---
apiVersion: access.smi-spec.io/v1alpha3
kind: TrafficTarget
metadata: { name: load-to-web, namespace: shop }
spec:
  destination: { kind: ServiceAccount, name: web, namespace: shop }
  sources: [{ kind: ServiceAccount, name: load, namespace: shop }]
  rules: [{ kind: HTTPRouteGroup, name: all }]
---
apiVersion: specs.smi-spec.io/v1alpha4
kind: HTTPRouteGroup
metadata: { name: all, namespace: shop }
spec: { matches: [{ name: all, pathRegex: .*, methods: ["*"] }] }
---`

/**
 * A Deployment and its Service; also of Service `web` where there is one. A pod that is told to end goes on until nobody asks it
 * any more, as Kubernetes wants its applications to.
 */
export function serverManifest(name: string): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: shop }
spec:
  replicas: 1
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name}, answers: web } }
    spec:
      serviceAccountName: web
      containers:
        - name: echo
          image: localhost/smi-mesh-test/echo:1
          ports: [{ containerPort: 8080 }]
          readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 }
          lifecycle: { preStop: { sleep: { seconds: 5 } } }
---
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: shop }
spec: { selector: { app: ${name} }, ports: [{ name: http, port: 80, targetPort: 8080 }] }
---`
}
