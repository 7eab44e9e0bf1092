/** A scene as Kubernetes objects: namespaces marked for the mesh, and the test application under every ServiceAccount. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Access, Scene, Workload } from '../../case.ts'
import type { RawObject } from '../../world.ts'
import { BYTE_PORTS, HTTP_PORTS } from '../application-ports.ts'
import { type Marks, type MeshOptions, together } from './mesh.ts'

const APP = join(import.meta.dirname, '../../../app/app.ts')
export const CONTAINER = 'app'

export function namespaceManifests(scene: Scene, access: Access, mesh: MeshOptions): readonly RawObject[] {
  const marks = together(mesh.inject.namespace, mesh.access[access.mode], mesh.unidentified[access.unidentified])
  return scene.namespaces.map(name => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, ...marks } }))
}

/** All of a scene but its namespaces. */
export function sceneManifests(scene: Scene, mesh: MeshOptions): readonly RawObject[] {
  const accounts = new Map(
    scene.workloads
      .filter(({ account }) => account !== 'default') // every namespace has that one
      .map(({ namespace, account }) => [`${namespace}/${account}`, { namespace, name: account }]),
  )
  const app = { 'app.ts': readFileSync(APP, 'utf8') }
  return [
    ...[...accounts.values()].map(metadata => ({ apiVersion: 'v1', kind: 'ServiceAccount', metadata })),
    ...scene.namespaces.map(namespace => ({
      ...{ apiVersion: 'v1', kind: 'ConfigMap', data: app },
      metadata: { namespace, name: 'app' },
    })),
    ...scene.workloads.map(workload => deployment(workload, mesh)),
    ...scene.services,
  ]
}

export function deployment(workload: Workload, mesh: MeshOptions): RawObject {
  const { name, namespace, account, labels, replicas, meshed } = workload
  const marks: Marks = meshed ? mesh.inject.pod : mesh.inject.not
  const ports = [...HTTP_PORTS, ...BYTE_PORTS].map(containerPort => ({ containerPort }))
  const env = { SERVICE_NAME: name, HTTP_PORTS: HTTP_PORTS.join(','), BYTE_PORTS: BYTE_PORTS.join(',') }
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: { workload: name } },
      template: {
        metadata: { labels: { ...labels, ...marks.labels }, annotations: marks.annotations },
        spec: {
          serviceAccountName: account,
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: CONTAINER,
              image: mesh.image,
              command: ['node', '/app/app.ts'],
              env: Object.entries(env).map(([name, value]) => ({ name, value })),
              ports,
              volumeMounts: [{ name: 'app', mountPath: '/app' }],
            },
          ],
          volumes: [{ name: 'app', configMap: { name: 'app' } }],
        },
      },
    },
  }
}
