/** Ends processes of a cluster's first node as a fault would, without a warning. Knows what `conformance/cluster` leaves on disk. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const CHECKOUT = resolve(import.meta.dirname, '../../..')

function nodeOf(cluster: string): string {
  return `/run/smi-mesh/${cluster}/node-1`
}

/** Kills the API server. Its data stays. */
export async function killApiServer(cluster: string): Promise<void> {
  // What stands in the file is the one that entered the namespaces; the server is its child.
  const [pid = ''] = readFileSync(`${nodeOf(cluster)}/pids/kube-apiserver`, 'utf8').split(' ')
  const { stdout } = await run('pgrep', ['--parent', pid])
  const child = Number(stdout.trim())
  if (!(child > 1)) throw new Error(`No API server of ${cluster} runs below process ${pid}.`)
  process.kill(child, 'SIGKILL')
}

/** Resolves once it answers. Starts nothing else: all others run. */
export async function startApiServer(cluster: string): Promise<void> {
  const env = { ...process.env, CLUSTER: cluster }
  await run(join(CHECKOUT, 'conformance/cluster/up.sh'), ['--level', 'api'], { env })
}

/** Kills the first process of a container, by its `containerID` as a pod's status has it. */
export async function killContainer(cluster: string, containerId: string): Promise<void> {
  const id = containerId.replace(/^containerd:\/\//, '')
  const socket = `${nodeOf(cluster)}/containerd.sock`
  const words = ['--address', socket, '--namespace', 'k8s.io', 'task', 'kill', '--signal', 'SIGKILL', id]
  await run(join(CHECKOUT, '.tools/bin/ctr'), words)
}
