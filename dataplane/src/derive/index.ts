export { Graph, type Reader, type Reads, type Settled, Source } from './graph.ts'
export type { Index } from './key-index.ts'
export type { Table } from './table.ts'
