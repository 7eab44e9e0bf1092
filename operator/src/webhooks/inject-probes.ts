/**
 * Probes and hooks of a pod's containers, led to its proxy. The kubelet has no identity of the mesh: asked directly, an
 * application's port would refuse it. What is asked of a command, or of another host, stays as it is.
 */
import { type Probe, READY_PORT } from '@smi-mesh/dataplane/envoy'
import { type Fields, fieldsOf, listOf, portOf, textOf } from '../facts/read.ts'

export interface Rewritten {
  readonly containers: readonly Fields[]
  readonly probes: readonly Probe[]
}

const PREFIX = '/probe/'
const PROBES = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const
const HOOKS = ['postStart', 'preStop'] as const

export interface Rewriting {
  /** What an earlier pass has rewritten, which the containers no longer tell. */
  readonly known: readonly Probe[]
  /** Ports that are asked directly. */
  readonly except: readonly number[]
  /**
   * What ends the paths of hooks, and cannot be guessed. Whoever reaches a pod reaches its probe port: a probe tells them how the
   * application is, but a hook has it do something.
   */
  readonly hookToken: string
}

export function rewriteProbes(containers: readonly unknown[], { known, except, hookToken }: Rewriting): Rewritten {
  const probes: Probe[] = []
  const rewrite = (handler: Fields, container: Fields, path: string, timing: Timing): Fields => {
    const get = fieldsOf(handler['httpGet'])
    const before = known.find(probe => get['path'] === probe.path)
    if (get['port'] === READY_PORT && before !== undefined) {
      probes.push(before)
      return handler
    }
    const probe = probeOf(handler, container, path, timing)
    if (probe === undefined || except.includes(probe.port)) return handler
    probes.push(probe)
    return led(handler, path)
  }
  const rewritten = containers.map(fieldsOf).map(container => {
    const changed: Record<string, unknown> = { ...container }
    const own = `${PREFIX}${textOf(container['name'])}`
    for (const name of PROBES) {
      if (container[name] === undefined) continue
      const probe = fieldsOf(container[name])
      changed[name] = rewrite(probe, container, `${own}/${name.replace('Probe', '')}`, timingOf(probe))
    }
    if (container['lifecycle'] !== undefined) {
      const lifecycle: Record<string, unknown> = { ...fieldsOf(container['lifecycle']) }
      for (const name of HOOKS) {
        const hook = fieldsOf(lifecycle[name])
        if (hook['httpGet'] !== undefined)
          lifecycle[name] = rewrite(hook, container, `${own}/${name}/${hookToken}`, HOOK)
      }
      changed['lifecycle'] = lifecycle
    }
    return changed
  })
  return { containers: rewritten, probes }
}

interface Timing {
  readonly timeoutS: number
  readonly periodS: number
}

/** The kubelet waits for a hook without a limit of its own, until the grace of the pod is over. */
const HOOK: Timing = { timeoutS: 3600, periodS: 10 }

/** "Defaults to 1 second", "Default to 10 seconds" (Probe v1). */
function timingOf(probe: Fields): Timing {
  return { timeoutS: secondsOf(probe['timeoutSeconds'], 1), periodS: secondsOf(probe['periodSeconds'], 10) }
}

function secondsOf(value: unknown, otherwise: number): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 ? value : otherwise
}

function probeOf(handler: Fields, container: Fields, path: string, { timeoutS, periodS }: Timing): Probe | undefined {
  for (const [kind, field] of [
    ['http', 'httpGet'],
    ['tcp', 'tcpSocket'],
    ['grpc', 'grpc'],
  ] as const) {
    if (handler[field] === undefined) continue
    const asked = fieldsOf(handler[field])
    const port = portNumber(asked['port'], container)
    if (port === undefined || textOf(asked['host']) !== '') return undefined
    const common = { path, port, timeoutS }
    if (kind === 'tcp') return { ...common, kind, periodS }
    if (kind === 'grpc') return { ...common, kind, periodS, service: textOf(asked['service']) }
    const target = textOf(asked['path'], '/')
    return {
      ...common,
      kind,
      scheme: textOf(asked['scheme']) === 'HTTPS' ? 'HTTPS' : 'HTTP',
      target: target.startsWith('/') ? target : `/${target}`,
    }
  }
  return undefined
}

/** A name is one of the container's own ports. */
function portNumber(port: unknown, container: Fields): number | undefined {
  if (typeof port !== 'string') return portOf(port)
  const named = listOf(container['ports'])
    .map(fieldsOf)
    .find(one => one['name'] === port)
  return named === undefined ? portOf(Number(port)) : portOf(named['containerPort'])
}

/** The same probe, asked of the proxy: its headers go along. */
function led(handler: Fields, path: string): Fields {
  const { httpGet, tcpSocket: _tcp, grpc: _grpc, ...rest } = handler
  const headers = fieldsOf(httpGet)['httpHeaders']
  return {
    ...rest,
    httpGet: { path, port: READY_PORT, scheme: 'HTTP', ...(headers === undefined ? {} : { httpHeaders: headers }) },
  }
}
