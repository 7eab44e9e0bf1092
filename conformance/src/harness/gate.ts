/** A way to a server that a test shuts and opens: what goes through ends at once, and nobody gets in until it is open. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

export interface Gate {
  readonly port: number
  /** Connections end, and new ones are refused by being ended. */
  shut(): void
  open(): void
  stop(): Promise<void>
}

export async function gate(target: { readonly host: string; readonly port: number }, isOpen = true): Promise<Gate> {
  const sockets = new Set<Socket>()
  const state = { isOpen }
  const server = createServer(near => {
    if (!state.isOpen) {
      near.on('error', () => undefined)
      near.resetAndDestroy()
      return
    }
    const far = connect(target.port, target.host)
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const cut = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    shut: () => {
      state.isOpen = false
      cut()
    },
    open: () => {
      state.isOpen = true
    },
    stop: async () => {
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}
