/** The TrafficSplit `healthy` of neighbours.yaml, with other weights. */
import assert from 'node:assert/strict'
import type { Api } from '../harness/mesh.ts'

const PATH = '/apis/split.smi-spec.io/v1alpha4/namespaces/neighbours/trafficsplits/healthy'

/** As `kubectl apply --server-side` asks it, without the time that a process takes to begin. */
export async function weigh({ url }: Api, [first, second]: readonly [number, number]): Promise<void> {
  const backends = [
    { service: 'web-v1', weight: first },
    { service: 'web-v2', weight: second },
  ]
  const metadata = { name: 'healthy', namespace: 'neighbours' }
  const split = {
    apiVersion: 'split.smi-spec.io/v1alpha4',
    kind: 'TrafficSplit',
    metadata,
    spec: { service: 'web', backends },
  }
  const response = await fetch(`${url}${PATH}?fieldManager=kubectl&force=true`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: JSON.stringify(split),
  })
  assert.equal(response.status, 200, await response.text())
}
