/** A way to a server that is cut, stalled and ended in the middle of things, by chance that a seed decides. Knows bytes alone. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface UnreliableRelay {
  readonly port: number
  /** How often a connection was cut or stalled. */
  readonly harm: number
  /** From now on, all goes well. */
  heal(): void
  stop(): Promise<void>
}

export interface Harm {
  /** Of each piece of data, how often the connection ends in its middle. */
  readonly cut: number
  /** How often nothing more is passed on, with the connection left open. */
  readonly stall: number
}

/** `random` gives numbers from 0 to 1. */
export async function unreliableRelay(
  target: { readonly host: string; readonly port: number },
  { cut, stall }: Harm,
  random: () => number,
): Promise<UnreliableRelay> {
  const sockets = new Set<Socket>()
  const state = { harm: 0, healed: false }
  const server = createServer(downstream => {
    const upstream = connect(target.port, target.host)
    let stalled = false
    const end = () => {
      downstream.destroy()
      upstream.destroy()
    }
    const pass = (from: Socket, to: Socket) => {
      sockets.add(from)
      from.on('data', (data: Buffer) => {
        if (stalled) return
        const chance = state.healed ? 1 : random()
        if (chance < cut) {
          state.harm++
          to.write(data.subarray(0, Math.floor(data.length * random())), end)
        } else if (chance < cut + stall) {
          state.harm++
          stalled = true
        } else to.write(data)
      })
      from.on('error', end)
      from.on('close', () => {
        sockets.delete(from)
        end()
      })
    }
    pass(downstream, upstream)
    pass(upstream, downstream)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get harm() {
      return state.harm
    },
    heal: () => {
      state.healed = true
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
