/**
 * The port of the discovery service. Proofs come with streams, so that anybody may connect: of the places there are, nobody can
 * keep out others by taking many.
 */
import { lookup } from 'node:dns/promises'
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { Slots } from './slots.ts'

export interface ConnectionsOptions {
  readonly most: number
  /** Takes over a connection that has a place. */
  readonly taken: (socket: Socket) => void
  /** Who was not let in, or lost a place to somebody who has fewer. */
  readonly crowded: (address: string) => void
}

/** Whoever comes by a path of this machine. */
const LOCAL = 'local'

export class Connections {
  readonly #options: ConnectionsOptions
  /** One for each address of the name that is listened on. */
  #servers: readonly Server[] = []
  /** By the caller's address. */
  readonly #slots: Slots<Socket>

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#slots = new Slots(options.most)
  }

  /**
   * `address`: `host:port`, `[::]:port` or `unix:path`; of a name all addresses that this machine has. Resolves with the port, 0
   * for a path; rejects with the system's error.
   */
  async listen(address: string): Promise<number> {
    const [first, ...others] = await placesOf(address)
    const port = await this.#listenAt(first)
    for (const other of others) await this.#listenAt({ ...other, port }).catch(() => undefined)
    return port
  }

  /** Takes no more; resolves when the last one has ended, which is for whoever took them over, or `destroy`. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map(server => new Promise(resolve => server.close(resolve))))
  }

  destroy(): void {
    for (const socket of this.#slots.all()) socket.destroy()
  }

  async #listenAt(place: ListenOptions): Promise<number> {
    const from = place.path === undefined ? undefined : LOCAL
    const server = createServer({ noDelay: true }, socket => this.#connected(socket, socket.remoteAddress ?? from))
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    server.once('error', reject)
    server.listen(place, resolve)
    await promise
    server.off('error', reject)
    this.#servers = [...this.#servers, server]
    const bound = server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : 0
  }

  /** One that is gone already has no address. */
  #connected(socket: Socket, address: string | undefined): void {
    const { taken, crowded } = this.#options
    const placed = address === undefined ? undefined : this.#slots.take(address, socket)
    if (address === undefined || placed?.kind !== 'taken') {
      socket.destroy()
      if (address !== undefined) crowded(address)
      return
    }
    socket.once('close', () => this.#slots.release(address, socket))
    taken(socket)
    if (placed.displaced === undefined) return
    crowded(placed.displaced.remoteAddress ?? LOCAL)
    placed.displaced.destroy()
  }
}

async function placesOf(address: string): Promise<readonly [ListenOptions, ...ListenOptions[]]> {
  if (address.startsWith('unix:')) return [{ path: address.slice('unix:'.length) }]
  const [, bracketed, plain, written] = /^(?:\[(.+)\]|([^:]*)):(\d+)$/.exec(address) ?? []
  const host = bracketed ?? plain
  const port = Number(written)
  if (host === undefined) throw new TypeError(`"${address}" is no address to listen on; write host:port.`)
  // Without a host it is all addresses of both families, or of IPv4 where there is no other.
  if (host === '::') return [{ port }]
  const [first, ...others] = await lookup(host, { all: true })
  const at = (found: { readonly address: string }) => ({ host: found.address, port })
  return first === undefined ? [{ host, port }] : [at(first), ...others.map(at)]
}
