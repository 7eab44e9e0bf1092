/** Makes the calls of cases from where the pods of a scene are: on their loopback subnets, past their own proxies. */
import { Agent, request } from 'node:http'
import type { When } from '../case.ts'
import { type Address, type Reply, sendBytes, sendHttp2 } from '../harness/client.ts'
import { ECHO } from '../harness/echo.ts'
import { endpoints, service } from '../oracle/pods.ts'
import type { CallOutcome, Seen } from '../suite/driver.ts'
import { DEFAULT_WORLD_CONFIG, type HttpCall } from '../world.ts'
import type { ScenePod, SceneWorld } from './scene-world.ts'

/** Calls made at the same time, where nothing is said of connections. */
const AT_ONCE = 8
const PATIENCE_MS = 5_000

interface Answered {
  readonly outcome: CallOutcome
  /** Tells connections apart. */
  readonly connection: string
}

export class Callers {
  readonly #pods: readonly ScenePod[]
  readonly #world: SceneWorld
  readonly #kept = new Map<string, Agent>()
  /** Where a caller without a sidecar goes next: what kube-proxy does for it. */
  #turn = 0

  constructor(pods: readonly ScenePod[], world: SceneWorld) {
    this.#pods = pods
    this.#world = world
  }

  async call(when: When): Promise<Seen> {
    const answers = when.connection === 'kept' ? await this.#inTurn(when) : await this.#atOnce(when)
    const parts = new Map<string, { readonly outcome: CallOutcome; readonly part: number }>()
    for (const { outcome } of answers) {
      const key = JSON.stringify(outcome)
      parts.set(key, { outcome, part: (parts.get(key)?.part ?? 0) + 1 })
    }
    const connections = new Set(answers.map(({ connection }) => connection)).size
    return { kind: 'counted', outcomes: [...parts.values()], connections }
  }

  /** Ends the connections that cases have kept. */
  hangUp(): void {
    for (const agent of this.#kept.values()) agent.destroy()
    this.#kept.clear()
  }

  stop(): void {
    this.hangUp()
  }

  async #inTurn(when: When): Promise<readonly Answered[]> {
    const key = `${when.from} ${JSON.stringify(when.to)}`
    const agent = this.#kept.get(key) ?? new Agent({ keepAlive: true, maxSockets: 1 })
    this.#kept.set(key, agent)
    const answers: Answered[] = []
    for (let asked = 0; asked < when.times; asked++) answers.push(await this.#one(when, agent))
    return answers
  }

  async #atOnce(when: When): Promise<readonly Answered[]> {
    let left = when.times
    const answers: Answered[] = []
    const worker = async () => {
      while (left-- > 0) answers.push(await this.#one(when, false))
    }
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, when.times) }, worker))
    return answers
  }

  async #one(when: When, agent: Agent | false): Promise<Answered> {
    const address = this.#addressOf(when)
    const { call } = when
    if (address === undefined) return { outcome: { kind: 'unexpected', what: 'no such address' }, connection: '' }
    switch (call.kind) {
      case 'http':
        return await this.#http(address, call, agent)
      case 'grpc': {
        const headers = [
          ['Host', hostOf(when)] as const,
          ['content-type', 'application/grpc'] as const,
          ['te', 'trailers'] as const,
        ]
        const reply = await sendHttp2(address, { kind: 'http', method: 'POST', path: call.path, headers })
        return { outcome: this.#outcomeOf(reply), connection: '' }
      }
      case 'tcp': {
        const stranger = this.#pods.find(({ workload }) => workload === when.from)?.meshed === false
        return { outcome: this.#outcomeOf(await sendBytes(address, stranger ? 'client' : 'server')), connection: '' }
      }
      case 'udp':
        throw new Error('The mesh carries no UDP.')
    }
  }

  /** A pod's own address; or for a Service where the caller's proxy listens, or any endpoint for callers without one. */
  #addressOf({ from, to }: When): Address | undefined {
    const caller = this.#pods.find(({ workload }) => workload === from)
    if (to.kind === 'pod') {
      const pod = this.#pods.find(({ workload }) => workload === to.workload)
      return pod && { host: `127.${pod.subnet}.0.1`, port: to.port }
    }
    if (caller?.meshed) {
      const [, , high, low] = this.#world.ips.of(to).split('.')
      return { host: `127.${caller.subnet}.${high}.${low}`, port: to.port < 1024 ? to.port + 10_000 : to.port }
    }
    const world = { config: DEFAULT_WORLD_CONFIG, objects: this.#world.objects() }
    const found = service(world, to)
    const pods = found === undefined ? [] : endpoints(world, found, to.port)
    const next = pods[this.#turn++ % Math.max(pods.length, 1)]
    const { subnet } = this.#pods.find(({ pod }) => pod.name === next?.name.name) ?? {}
    return next === undefined || subnet === undefined ? undefined : { host: `127.${subnet}.0.1`, port: next.at }
  }

  #http(address: Address, call: HttpCall, agent: Agent | false): Promise<Answered> {
    const { promise, resolve } = Promise.withResolvers<Answered>()
    let connection = ''
    const closed = (why: string) => resolve({ outcome: { kind: 'unexpected', what: why }, connection })
    const asked = request(
      { ...address, agent, method: call.method, path: call.path, headers: call.headers.flat(), timeout: PATIENCE_MS },
      response => {
        const texts = Object.entries(response.headers).map(([name, value]) => [name, String(value)] as const)
        const reply: Reply = { kind: 'http', status: response.statusCode ?? 0, headers: Object.fromEntries(texts) }
        response.resume()
        response.on('end', () => resolve({ outcome: this.#outcomeOf(reply), connection }))
        response.on('error', error => closed(error.message))
      },
    )
    asked.on('socket', socket => {
      const note = () => {
        connection = `${socket.localAddress}:${socket.localPort}`
      }
      if (socket.connecting) socket.once('connect', note)
      else note()
    })
    asked.on('timeout', () => asked.destroy(new Error('silence')))
    asked.on('error', error => closed(error.message))
    asked.end()
    return promise
  }

  #outcomeOf(reply: Reply): CallOutcome {
    switch (reply.kind) {
      case 'bytes':
        return this.#answered(reply.line, undefined)
      case 'closed': // who is refused must not hear a word of the server before
        return reply.heard === 0
          ? { kind: 'closed' }
          : { kind: 'unexpected', what: `an end after ${reply.heard} bytes` }
      case 'silent':
        return { kind: 'unexpected', what: 'silence' }
      case 'http': {
        const name = reply.headers[ECHO.pod]
        if (reply.status === 200 && name !== undefined) return this.#answered(name, reply.headers[ECHO.port])
        return { kind: 'status', status: grpcStatus(reply.headers['grpc-status']) ?? reply.status }
      }
    }
  }

  #answered(name: string, port: string | undefined): CallOutcome {
    const found = this.#pods.find(({ pod }) => `${pod.namespace}/${pod.name}` === name)
    if (found === undefined) return { kind: 'unexpected', what: `an answer of ${name}` }
    return { kind: 'answered', workload: found.workload, ...(port === undefined ? {} : { port: Number(port) }) }
  }
}

/** What gRPC says in a header of a 200 that HTTP says by its status (permission denied, unavailable). */
function grpcStatus(written: string | undefined): number | undefined {
  return written === '7' ? 403 : written === '14' ? 503 : undefined
}

function hostOf({ to }: When): string {
  return to.kind === 'pod' ? `${to.workload}:${to.port}` : `${to.name}:${to.port}`
}
