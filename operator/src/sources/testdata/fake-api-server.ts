/** One resource of an API server, from memory: lists in pages, watches from any version, and every misbehaviour a test asks for. */
import type { ServerResponse } from 'node:http'
import {
  type Asked,
  json,
  refuse,
  type ScriptedServer,
  scriptedServer,
} from '../../kubernetes/testdata/scripted-server.ts'

interface Stored {
  readonly name: string
  readonly text: string
  readonly version: number
}

interface Event {
  readonly version: number
  readonly line: string
}

interface Snapshot {
  readonly version: string
  readonly items: readonly object[]
}

/** Return true where the request has been answered. */
type Misbehaviour = (asked: Asked, response: ServerResponse) => boolean

export class FakeApiServer {
  readonly objects = new Map<string, Stored>()
  readonly spoiled = new Set<string>()
  /** Asked before every answer. */
  misbehave: Misbehaviour = () => false
  readonly #events: Event[] = []
  readonly #watchers = new Set<ServerResponse>()
  readonly #awaiting: (() => void)[] = []
  /** Of lists under way, by their version. */
  readonly #snapshots = new Map<string, Snapshot>()
  #version = 9
  #oldest = 0
  #server: ScriptedServer | undefined

  static async start(): Promise<FakeApiServer> {
    const fake = new FakeApiServer()
    fake.#server = await scriptedServer((asked, response) => fake.#answer(asked, response))
    return fake
  }

  get server(): ScriptedServer {
    if (this.#server === undefined) throw new TypeError('not started')
    return this.#server
  }

  /** Resolves once somebody watches. */
  watched(): Promise<void> {
    if (this.#watchers.size > 0) return Promise.resolve()
    return new Promise(resolve => this.#awaiting.push(resolve))
  }

  /** How often something was asked: `list` or `watch`. */
  asked(what: 'list' | 'watch'): number {
    return this.server.asked.filter(({ query }) => query.has('watch') === (what === 'watch')).length
  }

  /** Without an event where nothing changes, as on an API server. */
  write(name: string, text: string): void {
    const before = this.objects.get(name)
    if (before?.text === text && !this.spoiled.has(name)) return
    this.spoiled.delete(name)
    this.objects.set(name, { name, text, version: ++this.#version })
    this.#tell(before === undefined ? 'ADDED' : 'MODIFIED', name)
  }

  remove(name: string): void {
    const before = this.objects.get(name)
    if (before === undefined) return
    this.objects.set(name, { ...before, version: ++this.#version })
    this.#tell('DELETED', name)
    this.objects.delete(name)
  }

  /** The object is sent without its name from now on. */
  spoil(name: string): void {
    this.spoiled.add(name)
    const before = this.objects.get(name)
    if (before !== undefined) this.objects.set(name, { ...before, version: ++this.#version })
    this.#tell('MODIFIED', name)
  }

  /** What happened until now can no longer be watched. */
  compact(): void {
    this.#oldest = this.#version
  }

  bookmark(): void {
    const line = `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(this.#version) } } })}\n`
    for (const watcher of this.#watchers) watcher.write(line)
  }

  /** A line of no meaning to all who watch. */
  say(line: string): void {
    for (const watcher of this.#watchers) watcher.write(line)
  }

  /** As from a lost packet: the watchers never hear of what `change` does. */
  unseen(change: () => void): void {
    const watchers = [...this.#watchers]
    this.#watchers.clear()
    change()
    for (const watcher of watchers) this.#watchers.add(watcher)
  }

  endWatches(): void {
    for (const watcher of this.#watchers) watcher.end()
    this.#watchers.clear()
  }

  async stop(): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }

  #tell(type: string, name: string): void {
    const line = `${JSON.stringify({ type, object: this.#object(name) })}\n`
    this.#events.push({ version: this.#version, line })
    for (const watcher of this.#watchers) watcher.write(line)
  }

  #object(name: string): object {
    const stored = this.objects.get(name)
    return {
      metadata: {
        ...(this.spoiled.has(name) ? {} : { name }),
        namespace: 'default',
        resourceVersion: String(stored?.version ?? this.#version),
        managedFields: [{ manager: 'nobody asks' }],
      },
      data: { text: stored?.text ?? '' },
    }
  }

  #answer(asked: Asked, response: ServerResponse): void {
    if (this.misbehave(asked, response)) return
    if (asked.query.has('watch')) this.#watch(asked, response)
    else this.#list(asked, response)
  }

  /** Every page of a list is of the version that the first was of, whatever changes between two of them. */
  #list({ query }: Asked, response: ServerResponse): void {
    const [snapshot = '', at = '0'] = query.get('continue')?.split(':') ?? []
    const { version, items } = this.#snapshots.get(snapshot) ?? this.#snapshot()
    const from = Number(at)
    const limit = Number(query.get('limit') ?? 0) || items.length
    const rest = from + limit < items.length ? { continue: `${version}:${from + limit}` } : {}
    if ('continue' in rest) this.#snapshots.set(version, { version, items })
    json(response, 200, {
      kind: 'List',
      metadata: { resourceVersion: version, ...rest },
      items: items.slice(from, from + limit),
    })
  }

  #snapshot(): Snapshot {
    return { version: String(this.#version), items: [...this.objects.keys()].sort().map(name => this.#object(name)) }
  }

  #watch({ query }: Asked, response: ServerResponse): void {
    const from = Number(query.get('resourceVersion'))
    if (from < this.#oldest) {
      refuse(response, 410, 'too old resource version')
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
    for (const { version, line } of this.#events) if (version > from) response.write(line)
    this.#watchers.add(response)
    for (const resolve of this.#awaiting.splice(0)) resolve()
    response.on('close', () => this.#watchers.delete(response))
  }
}
