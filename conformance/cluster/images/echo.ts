/** The application of test pods: `startEcho` with the name and ports of its environment (NAME, HTTP_PORTS, BYTE_PORTS). */
import { hostname } from 'node:os'
import { env, exit } from 'node:process'
import { startEcho } from '../../src/harness/echo.ts'

const ports = (text = '') => text.split(',').filter(Boolean).map(Number)
const echo = await startEcho({
  name: env['NAME'] ?? hostname(),
  address: '0.0.0.0',
  httpPorts: ports(env['HTTP_PORTS'] ?? '8080'),
  bytePorts: ports(env['BYTE_PORTS']),
})
console.log('ready')
// the first process of a container gets no signal it doesn't ask for
process.once('SIGTERM', () => {
  void echo.stop().then(() => exit(0))
})
