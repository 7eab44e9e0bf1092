/**
 * Whether the addresses of pods are free, asked before any of them starts. Nobody else would say so: Envoy shares a port with other
 * Envoys, and so would one `smictl up` its requests with another.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { podAddress } from '@smi-mesh/dataplane/mesh'
import { listenFailure } from '../listen-failure.ts'
import { MeshError, systemCode } from '../mesh-error.ts'
import type { DesiredPod } from './desired.ts'
import { listenAddress } from './environment.ts'

/** What an earlier run left behind has just been ended, and its ports may take a moment to be free. */
const PATIENCE_MS = 1_000
const AGAIN_MS = 50

/** Throws a MeshError that names the first address on which somebody else listens. */
export async function refuseTakenSubnets(
  pods: readonly DesiredPod[],
  subnets: ReadonlyMap<string, number>,
): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS
  for (const pod of pods) {
    const subnet = subnets.get(pod.key)
    if (subnet === undefined) continue
    const hosts = [...new Set([podAddress(subnet), listenAddress(pod, subnet)])]
    const ports = pod.spec.containers.flatMap(container => container.ports)
    for (const host of hosts) for (const port of ports) await refuseTaken(pod, { host, port }, deadline)
  }
}

async function refuseTaken(
  { key }: DesiredPod,
  at: { readonly host: string; readonly port: number },
  deadline: number,
) {
  // Whatever else keeps an address from being listened on is told by the process that wants it.
  while (systemCode(await listenFailure(at)) === 'EADDRINUSE') {
    if (performance.now() > deadline) {
      const message =
        `Something else listens on ${at.host}:${at.port}, where ${key} should: perhaps another \`smictl up\`. End it, or name ` +
        'other addresses with --subnets.'
      throw new MeshError('AddressInUse', message)
    }
    await sleep(AGAIN_MS)
  }
}
