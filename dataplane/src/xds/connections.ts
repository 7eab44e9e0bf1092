/**
 * The port of the discovery service. Proofs come with streams, so that anybody may connect: of the places there are, nobody can
 * keep out others by taking many.
 */
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net'
import { Slots } from './slots.ts'

export interface ConnectionsOptions {
  readonly most: number
  /** Takes over a connection that has a place. */
  readonly taken: (socket: Socket) => void
  /** Somebody was not let in, or lost a place to somebody who has fewer. */
  readonly crowded: (address: string) => void
}

export class Connections {
  readonly #options: ConnectionsOptions
  readonly #server: Server
  /** By the caller's address. */
  readonly #slots: Slots<Socket>

  constructor(options: ConnectionsOptions) {
    this.#options = options
    this.#slots = new Slots(options.most)
    this.#server = createServer({ noDelay: true }, socket => this.#connected(socket))
  }

  /** `address`: `host:port`, `[::]:port` or `unix:path`. Resolves with the port, 0 for a path; rejects with the system's error. */
  async listen(address: string): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#server.once('error', reject)
    this.#server.listen(placeOf(address), resolve)
    await promise
    this.#server.off('error', reject)
    const bound = this.#server.address()
    return typeof bound === 'object' && bound !== null ? bound.port : 0
  }

  /** Takes no more, and leaves those that are taken to whoever took them over. */
  close(): void {
    this.#server.close()
  }

  /** Ends all there are, also those that have said nothing yet. */
  destroy(): void {
    for (const socket of this.#slots.all()) socket.destroy()
  }

  #connected(socket: Socket): void {
    const { remoteAddress: address = '' } = socket
    const placed = this.#slots.take(address, socket)
    if (placed.kind === 'refused') socket.destroy()
    else {
      socket.once('close', () => this.#slots.release(address, socket))
      this.#options.taken(socket)
      placed.displaced?.destroy()
    }
    if (placed.kind === 'refused' || placed.displaced !== undefined) this.#options.crowded(address)
  }
}

function placeOf(address: string): ListenOptions {
  if (address.startsWith('unix:')) return { path: address.slice('unix:'.length) }
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]*)):(\d+)$/.exec(address) ?? []
  const host = bracketed ?? plain
  if (host === undefined) throw new TypeError(`"${address}" is no address to listen on; write host:port.`)
  // Without a host it is all addresses of both families, or of IPv4 where there is no other.
  return host === '::' ? { port: Number(port) } : { host, port: Number(port) }
}
