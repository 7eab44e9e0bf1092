/** The process behind `smi-mesh-sidecar`: the short-lived commands of a pod. Nothing of it runs beside Envoy. */
import { existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { CAPTURE_PORT, INBOUND_PORT, READY_PORT, STATS_PORT } from '../envoy/ports.ts'
import { askAdmin } from './admin.ts'
import { drain } from './drain.ts'
import { adminSocket, FOLDERS, init } from './init.ts'
import { SidecarError } from './sidecar-error.ts'
import { isUnserved } from './unserved.ts'
import { waitUntilReady } from './wait.ts'

const USAGE = `usage: smi-mesh-sidecar init
       smi-mesh-sidecar wait [--maximum SECONDS]
       smi-mesh-sidecar drain [--minimum SECONDS] [--unserved SECONDS] [--maximum SECONDS]
`

const PROXY_PORTS = [CAPTURE_PORT, INBOUND_PORT, READY_PORT, STATS_PORT]

const surroundings = {
  ask: (path: string, method: 'GET' | 'POST') => askAdmin(adminSocket(FOLDERS), path, method),
  pause: (ms: number) => sleep(ms),
  now: () => performance.now(),
}

function unserved(): Promise<boolean> {
  const sockets = ['/proc/net/tcp', '/proc/net/tcp6'].filter(existsSync).map(path => readFileSync(path, 'utf8'))
  return isUnserved({ ...surroundings, sockets, proxyPorts: PROXY_PORTS })
}

async function run(words: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: { minimum: { type: 'string' }, unserved: { type: 'string' }, maximum: { type: 'string' } },
  })
  const ms = (given: string | undefined, otherwise: number) => (given === undefined ? otherwise : Number(given)) * 1000
  const [command] = positionals
  switch (command) {
    case 'init':
      process.stdout.write(`Set up with rules of ${init(process.env)}.\n`)
      return 0
    case 'wait':
      if (await waitUntilReady({ ...surroundings, maximumMs: ms(values.maximum, 120) })) return 0
      throw new SidecarError(
        'The proxy is not ready: it has not been told its configuration. Its log says what it waits for.',
      )
    case 'drain': {
      const isAlone = values.unserved !== undefined && (await unserved())
      const minimumMs = isAlone ? ms(values.unserved, 0) : ms(values.minimum, 5)
      const limits = { minimumMs, maximumMs: ms(values.maximum, 25) }
      process.stdout.write(`Drained: ${await drain({ ...surroundings, ...limits })}.\n`)
      return 0
    }
    default:
      process.stderr.write(USAGE)
      return 2
  }
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof SidecarError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
