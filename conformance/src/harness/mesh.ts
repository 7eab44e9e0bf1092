/** The mesh in a cluster of a test, as its chart installs it, and the API server without the time that a kubectl takes to start. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Cluster } from './cluster.ts'
import { CHART, CHECKOUT, installer } from './installer.ts'

const VALUES = join(CHECKOUT, 'conformance', 'cluster', 'manifests', 'mesh-values.yaml')
export const KUBECTL = join(CHECKOUT, '.tools', 'bin', 'kubectl')

/** Resolves once the operator is ready. `set`: values of the chart, such as `mesh.certificateTtl=1m`. */
export async function installMesh({ kubeconfig }: Cluster, set: readonly string[] = []): Promise<void> {
  const values = ['--values', VALUES, ...set.flatMap(value => ['--set', value])]
  await installer(kubeconfig).helm('install', 'smi-mesh', CHART, '--create-namespace', ...values, '--wait')
}

export interface Api {
  /** On this machine, and without credentials. */
  readonly url: string
  stop(): Promise<void>
}

export async function startApi({ kubeconfig }: Cluster): Promise<Api> {
  const child = spawn(KUBECTL, ['--kubeconfig', kubeconfig, 'proxy', '--port=0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'close')
  for await (const line of createInterface(child.stdout)) {
    const [, address] = /(127\.0\.0\.1:\d+)/.exec(line) ?? []
    if (address === undefined) continue
    return {
      url: `http://${address}`,
      stop: async () => {
        child.kill()
        await ended
      },
    }
  }
  throw new Error('kubectl proxy ended before it served.')
}
