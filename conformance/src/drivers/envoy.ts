/**
 * Asks real proxies. One Envoy stands before each member of the cast and stays up; another world is only another set of
 * objects in the control plane, in force as soon as every proxy has acknowledged it.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Address, type Reply, sendBytes, sendHttp1, sendHttp2 } from '../harness/client.ts'
import { ECHO } from '../harness/echo.ts'
import { type Envoy, startEnvoy } from '../harness/envoy.ts'
import {
  type Caller,
  type HttpCall,
  type Name,
  nameText,
  type Outcome,
  type Request,
  type Target,
  type World,
  type WorldConfig,
} from '../world.ts'
import { CAST, type CastMember, clusterIp, NAMESPACES, POD_PORTS } from '../worlds/cast.ts'
import { namespaceObject, podObject } from '../worlds/objects.ts'
import { type ControlPlane, startControlPlane } from './control-plane.ts'
import { type Stage, takeStage } from './stage.ts'

export interface EnvoyDriver {
  /** A world with the addresses under which it is entered. */
  placed(world: World): World
  /** Resolves once the world is in force in every proxy. */
  enter(world: World): Promise<void>
  /** What the caller sees of one request. */
  ask(request: Request, version?: '1.1' | '2'): Promise<Outcome>
  /** What the admin side of a member's proxy answers. */
  admin(pod: Name, path: string): Promise<string>
  /** What the proxies have said on their outputs, or the one of a member. */
  logs(pod?: Name): Promise<string>
  stop(): Promise<void>
}

const MESHED = CAST.filter(member => member.meshed)

/** Starts the cast under one set of choices for the whole mesh. */
export async function startEnvoyDriver(
  binary: string,
  config: WorldConfig,
  log: { readonly accessLog?: 'audit' | 'all' } = {},
): Promise<EnvoyDriver> {
  const owned = new AsyncDisposableStack()
  const envoys = new Map<string, Envoy>()
  try {
    const plane = await startControlPlane(config, log)
    owned.defer(() => plane.stop())
    const stage = await takeStage()
    owned.defer(() => stage.stop())
    plane.replace(stage.placed(emptyStage()))
    for (const member of MESHED) envoys.set(nameText(member.pod), await proxy(binary, plane, member, owned))
    await plane.inForce(MESHED.length)
    const placed = (world: World) => ({ ...world, objects: stage.placed(world.objects) })
    return {
      placed,
      enter: async world => {
        plane.replace(placed(world).objects)
        await plane.inForce(MESHED.length)
        await Promise.all([...envoys.values()].map(warmed))
      },
      ask: async (request, version = '1.1') => outcomeOf(await send(stage, request, version)),
      admin: async (pod, path) => (await envoys.get(nameText(pod))?.admin(path)) ?? '',
      logs: async pod => {
        const asked = [...envoys].filter(([name]) => pod === undefined || name === nameText(pod))
        return (await Promise.all(asked.map(([, envoy]) => envoy.log()))).join('')
      },
      stop: () => owned.disposeAsync(),
    }
  } catch (error) {
    const said = await Promise.all([...envoys.values()].map(envoy => envoy.log()))
    await owned.disposeAsync()
    throw new Error(`The cast did not come up. Its proxies said:\n${said.join('')}`, { cause: error })
  }
}

const WARMED_MS = 10_000

/** An acknowledged listener or cluster takes no traffic until it has all it waits for. */
export async function warmed(envoy: Envoy): Promise<void> {
  const deadline = performance.now() + WARMED_MS
  for (;;) {
    const stats = await envoy.admin('/stats?filter=total_listeners_warming|warming_clusters')
    if (!/: [1-9]/.test(stats)) return
    if (performance.now() > deadline) throw new Error(`A proxy is still warming up:\n${stats}`)
  }
}

/** The cast and nothing to do: what proxies are admitted by. */
function emptyStage() {
  return [
    ...NAMESPACES.map(name => namespaceObject(name)),
    ...CAST.map(member => podObject(member.pod, { ...member, ports: POD_PORTS })),
  ]
}

async function proxy(
  binary: string,
  plane: ControlPlane,
  member: CastMember,
  owned: AsyncDisposableStack,
): Promise<Envoy> {
  const credentials = await mkdtemp(join(tmpdir(), 'smi-credentials-'))
  owned.defer(() => rm(credentials, { recursive: true, force: true }))
  const envoy = await startEnvoy({ binary, bootstrap: admin => plane.bootstrapOf(member, credentials, admin) })
  owned.defer(() => envoy.stop())
  return envoy
}

function send(stage: Stage, { caller, target, call }: Request, version: '1.1' | '2'): Promise<Reply> {
  const address = addressOf(stage, caller, target)
  // Where text may be TLS, a proxy that serves both has to hear the first bytes before it can tell.
  if (call.kind === 'tcp') return sendBytes(address, caller.kind === 'stranger' ? 'client' : 'server')
  return version === '2' ? sendHttp2(address, call) : sendHttp1(address, call)
}

/** Where a process of the caller's pod finds a Service: on the pod's own loopback subnet, ports below 1024 moved up. */
function addressOf(stage: Stage, caller: Caller, target: Target): Address {
  const subnetOf = (pod: Name) => stage.subnetOf(memberOf(pod))
  if (target.kind === 'pod') return { host: `127.${subnetOf(target.pod)}.0.1`, port: target.port }
  if (caller.kind === 'stranger') throw new Error('Without a sidecar nobody finds a Service on loopback: ask a pod.')
  const [, , high, low] = clusterIp(target.service).split('.')
  const port = target.port < 1024 ? target.port + 10_000 : target.port
  return { host: `127.${subnetOf(caller.pod)}.${high}.${low}`, port }
}

function memberOf(pod: Name): CastMember {
  const member = CAST.find(one => nameText(one.pod) === nameText(pod))
  if (member === undefined) throw new Error(`Nobody of the cast is ${nameText(pod)}.`)
  return member
}

function outcomeOf(reply: Reply): Outcome {
  switch (reply.kind) {
    case 'bytes':
      return podOutcome(reply.line)
    case 'closed': // who is refused must not hear a word of the server before
      return reply.heard === 0 ? 'closed' : `unexpected end after ${reply.heard} bytes`
    case 'silent':
      return 'unexpected silence'
    case 'http': {
      const { status, headers } = reply
      if (status === 200) return podOutcome(headers[ECHO.pod] ?? '')
      return status === 400 || status === 403 || status === 404 || status === 503 ? `${status}` : `unexpected ${status}`
    }
  }
}

function podOutcome(name: string): Outcome {
  const [namespace = '', pod] = name.split('/')
  return pod === undefined ? `unexpected answer of ${name}` : `pod ${namespace}/${pod}`
}

/** Whether HTTP/2 can say the same: it has no repeated spellings of a name, no `Host` beside its authority, and no path in CONNECT. */
export function fitsHttp2({ method, path, headers }: HttpCall): boolean {
  return method !== 'CONNECT' && !path.includes('\\') && headers.every(([, value]) => value === value.trim())
}
