/** Ends a container of a cluster's first node as a fault would, without a warning. Knows what `conformance/cluster` leaves on disk. */
import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CTR = resolve(import.meta.dirname, '../../../.tools/bin/ctr')

/** Kills its first process; `containerId` as a pod's status has it. */
export async function killContainer(cluster: string, containerId: string): Promise<void> {
  const id = containerId.replace(/^containerd:\/\//, '')
  const socket = `/run/smi-mesh/${cluster}/node-1/containerd.sock`
  await run(CTR, ['--address', socket, '--namespace', 'k8s.io', 'task', 'kill', '--signal', 'SIGKILL', id])
}
