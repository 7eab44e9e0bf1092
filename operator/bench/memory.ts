/** What a stream takes of the control plane's memory. In a process of its own: what others left free would hide it. */
import { execFileSync } from 'node:child_process'
import { preferClassicalKeyExchange } from '../src/key-exchange.ts'
import { quiet, withManyProxies } from './many-proxies.ts'

/** So many looks in a row at which the process had become no smaller. */
const RESTS = 5

/** A stream's share, in kB, of what the process grew by, and of what it grew by for the second half of them: heaps grow in leaps. */
export interface StreamMemory {
  readonly ofAll: number
  readonly ofSecondHalf: number
}

export function streamMemory(services: number, streams: number): StreamMemory {
  const options = [...process.execArgv, import.meta.filename, String(services), String(streams)]
  return JSON.parse(execFileSync(process.execPath, options, { encoding: 'utf8' })) as StreamMemory
}

async function measured(services: number, streams: number): Promise<StreamMemory> {
  const half = Math.floor(streams / 2)
  return await withManyProxies(services, streams, async ({ connect }) => {
    const none = await rssAtRest()
    await connect(half)
    const some = await rssAtRest()
    await connect(streams)
    const all = await rssAtRest()
    return { ofAll: (all - none) / 1000 / streams, ofSecondHalf: (all - some) / 1000 / (streams - half) }
  })
}

/**
 * As after a long rest: the heap gives back pages that it keeps for another eight seconds otherwise. Repeated until nothing more
 * comes of it, since sockets of handshakes are let go of by one collection and freed by the next.
 */
async function rssAtRest(): Promise<number> {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('Start it with --expose-gc.')
  for (let least = Number.POSITIVE_INFINITY, idle = 0; ; ) {
    gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    await quiet()
    const { rss } = process.memoryUsage()
    idle = rss < least ? 0 : idle + 1
    least = Math.min(least, rss)
    if (idle === RESTS) return least
  }
}

if (import.meta.main) {
  const [services = Number.NaN, streams = Number.NaN] = process.argv.slice(2).map(Number)
  if (!(services > 0 && streams > 0)) throw new Error('Say how many services and streams: memory.ts 1000 500')
  preferClassicalKeyExchange() // as the programs do
  process.stdout.write(JSON.stringify(await measured(services, streams)))
}
