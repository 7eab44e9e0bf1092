/** The API server of a cluster of ours, killed and begun anew in the middle of a test. Knows the scripts of `conformance/cluster`. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

const UP = resolve(import.meta.dirname, '../../cluster/up.sh')
const run = promisify(execFile)

/** Its process is killed, not asked to end: nobody is told that it goes. */
export function killApiServer(cluster: string): void {
  const [wrapper = ''] = readFileSync(join('/run/smi-mesh', cluster, 'node-1/pids/kube-apiserver'), 'utf8').split(' ')
  const children = readFileSync(`/proc/${wrapper}/task/${wrapper}/children`, 'utf8').trim()
  for (const child of children.split(' ')) process.kill(Number(child), 'SIGKILL')
}

/** Resolves once it answers. */
export async function startApiServer(cluster: string): Promise<void> {
  await run(UP, ['--level', 'api'], { env: { ...process.env, CLUSTER: cluster }, timeout: 180_000 })
}
