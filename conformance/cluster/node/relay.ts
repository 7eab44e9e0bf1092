/**
 * `node relay.ts FROM TO [PORTFILE]`: passes connections on between two network namespaces. A socket file is seen in both,
 * so two relays make a way from a loopback port of the machine to the API server of a node without uplink.
 * Knows no protocol: whoever connects has to prove to the API server who it is.
 */
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { argv, exit } from 'node:process'

const [, , from, to, portFile] = argv
if (from === undefined || to === undefined) {
  console.error('usage: node relay.ts FROM TO [PORTFILE], each the path of a socket or address:port')
  exit(2)
}
const target = place(to)
// half-open: one side may have finished speaking while the other still answers
const server = createServer({ allowHalfOpen: true, noDelay: true }, near => {
  const far = connect({ ...target, allowHalfOpen: true })
  far.pipe(near).pipe(far)
  near.on('error', () => far.destroy())
  far.on('error', () => near.destroy())
})
const own = place(from)
if (own.path !== undefined) rmSync(own.path, { force: true })
server.listen(own, () => {
  const address = server.address()
  if (portFile === undefined || address === null || typeof address === 'string') return
  writeFileSync(`${portFile}.new`, String(address.port))
  renameSync(`${portFile}.new`, portFile) // whoever waits for the file never reads half of it
})

function place(text: string): { path: string } | { host: string; port: number; path?: never } {
  if (text.startsWith('/')) return { path: text }
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) }
}
