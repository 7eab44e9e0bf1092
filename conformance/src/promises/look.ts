/**
 * Which certificates servers show, once a second: `node look.ts <ip>...`, a line for each, `<ip> <now> <not after> <serial>`.
 * It runs in the network of a node, as any peer would connect; what it is shown is what peers are shown.
 */
import { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'

const PORT = 8080
const EVERY_MS = 1_000
/** By which a proxy tells a peer from an application's own TLS. */
const MESH_ALPN = 'smi-mesh'

function look(host: string): void {
  const peer = { ALPNProtocols: [MESH_ALPN], rejectUnauthorized: false, minVersion: 'TLSv1.3' } as const
  const socket = connect({ host, port: PORT, timeout: 5_000, ...peer })
  socket.on('secureConnect', () => {
    const { raw } = socket.getPeerCertificate()
    if (raw !== undefined) {
      const { validToDate, serialNumber } = new X509Certificate(raw)
      console.log(`${host} ${Date.now()} ${validToDate.getTime()} ${serialNumber}`)
    }
    socket.destroy()
  })
  socket.on('timeout', () => socket.destroy())
  socket.on('error', () => socket.destroy()) // whoever shows no certificate of their own is refused, after the server has shown its
}

setInterval(() => {
  for (const host of process.argv.slice(2)) look(host)
}, EVERY_MS)
