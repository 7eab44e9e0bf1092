/** What the mesh does now, as lines of text. Pure; who writes them where is `board.ts`. */
import { renderTable } from '../cli/output.ts'
import { type EdgeTraffic, sharesOf } from './traffic.ts'

/** A route that divides: whose it is and what each backend should get. */
export interface SplitView {
  readonly apex: string
  readonly name: string
  readonly backends: readonly { readonly to: string; readonly share: number }[]
}

export interface PodView {
  readonly name: string
  readonly state: string
  readonly address: string
}

export interface Frame {
  readonly pods: readonly PodView[]
  readonly splits: readonly SplitView[]
  readonly edges: readonly EdgeTraffic[]
  /** Problems and findings, one sentence each. */
  readonly complaints: readonly string[]
}

const MOST_COMPLAINTS = 8

/** The picture of one moment: pods, splits with what was wanted and what was observed, edges, and what is wrong. */
export function renderFrame({ pods, splits, edges, complaints }: Frame): string {
  const podTable = renderTable({
    columns: ['POD', 'STATE', 'ADDRESS'],
    rows: pods.map(pod => [pod.name, pod.state, pod.address]),
  })
  const splitTable = renderTable({
    columns: ['SPLIT', 'OF', 'BACKEND', '>WANTED', '>OBSERVED'],
    rows: splits.flatMap(split => splitRows(split, edges)),
  })
  const edgeTable = renderTable({
    columns: ['FROM', 'TO', '>REQ/S', '>SUCCESS', '>DENIED', '>P50', '>P90', '>P99'],
    rows: edges.map(edge => [
      edge.from,
      edge.to,
      edge.requestsPerSecond.toFixed(1),
      percent(edge.successRate),
      edge.denied === 0 ? '-' : String(edge.denied),
      milliseconds(edge.p50),
      milliseconds(edge.p90),
      milliseconds(edge.p99),
    ]),
  })
  const shown = complaints.slice(0, MOST_COMPLAINTS).map(complaint => `! ${complaint}\n`)
  const hidden = complaints.length > MOST_COMPLAINTS ? [`! and ${complaints.length - MOST_COMPLAINTS} more\n`] : []
  return [podTable, splitTable, edgeTable, [...shown, ...hidden].join('')].filter(part => part !== '').join('\n')
}

/** One line for a log: what the edges did. */
export function renderEdges(edges: readonly EdgeTraffic[]): readonly string[] {
  return edges
    .filter(edge => edge.requests > 0)
    .map(edge => {
      const denied = edge.denied === 0 ? '' : ` denied=${edge.denied}`
      const latency = `p50=${milliseconds(edge.p50)} p99=${milliseconds(edge.p99)}`
      return `${edge.from} -> ${edge.to} ${edge.requestsPerSecond.toFixed(1)}/s success=${percent(edge.successRate)}${denied} ${latency}`
    })
}

function splitRows(split: SplitView, edges: readonly EdgeTraffic[]): readonly (readonly string[])[] {
  const observed = sharesOf(
    edges,
    split.backends.map(({ to }) => to),
  )
  return split.backends.map(({ to, share }, index) => {
    const seen = observed[index]
    return [
      index === 0 ? split.name : '',
      index === 0 ? split.apex : '',
      to,
      percent(share),
      seen === undefined ? '-' : percent(seen),
    ]
  })
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '-' : `${value < 10 ? value.toFixed(1) : value.toFixed(0)} ms`
}
