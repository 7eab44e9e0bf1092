/**
 * `make bench`: what a change costs by the size of the mesh, and what many proxies cost. Prints tables, and writes them with all
 * figures to bench-results/. Counts are exact; times are those of this machine, with the proxies on the same cores.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { preferClassicalKeyExchange } from '../src/key-exchange.ts'
import { changeCosts } from './change.ts'
import { type FanOut, fanOut } from './fan-out.ts'
import { type StreamMemory, streamMemory } from './memory.ts'

const RESULTS = join(import.meta.dirname, '../../bench-results')

const { values } = parseArgs({
  options: {
    services: { type: 'string', default: '100,1000,5000' },
    streams: { type: 'string', default: '100,500,1000' },
  },
})
const numbers = (list: string) => list.split(',').filter(Boolean).map(Number)

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const ms = (value: number) => value.toFixed(2)

preferClassicalKeyExchange() // as the programs do
const fans: (FanOut & { readonly rssKb: StreamMemory })[] = []
for (const streams of numbers(values.streams)) {
  fans.push({ ...(await fanOut(1000, streams)), rssKb: streamMemory(1000, streams) })
}
const changes = numbers(values.services).map(services => changeCosts(services))

const text = [
  '## A change, by the size of the mesh',
  table(
    ['services', 'change', 'computations', 'resources encoded', 'bytes', 'median ms'],
    changes.flatMap(({ costs }) =>
      costs.map(cost => [cost.services, cost.change, cost.recomputed, cost.encoded, cost.bytes, ms(cost.medianMs)]),
    ),
  ),
  '## A cold start',
  table(
    ['services', 'pods', 'ms', 'resources', 'heap MB'],
    changes.map(({ cold }) => [cold.services, cold.pods, cold.ms.toFixed(0), cold.resources, cold.heapMb.toFixed(0)]),
  ),
  '## Many proxies, 1,000 services',
  table(
    [
      'streams',
      'kB a stream: all / second half',
      'resources a stream',
      'written for a service of few',
      'to last ACK p50 / p99 ms',
      'written for a service of all',
      'to last ACK p50 / p99 ms',
      'event loop p99 ms',
      'resent on reconnecting all',
    ],
    fans.map(fan => [
      fan.streams,
      `${fan.rssKb.ofAll.toFixed(0)} / ${fan.rssKb.ofSecondHalf.toFixed(0)}`,
      fan.resourcesPerStream,
      fan.writtenPerChange,
      `${ms(fan.changeToLastAckMs.p50)} / ${ms(fan.changeToLastAckMs.p99)}`,
      fan.allWritten,
      `${ms(fan.allToLastAckMs.p50)} / ${ms(fan.allToLastAckMs.p99)}`,
      ms(fan.loopDelayP99Ms),
      fan.reconnect.resources,
    ]),
  ),
].join('\n\n')

mkdirSync(RESULTS, { recursive: true })
writeFileSync(join(RESULTS, 'bench.md'), `${text}\n`)
writeFileSync(join(RESULTS, 'bench.json'), `${JSON.stringify({ changes, fans }, null, 2)}\n`)
process.stdout.write(`${text}\n`)
