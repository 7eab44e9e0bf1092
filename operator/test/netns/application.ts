/** The application of a pod in tests: tells on two ports what it was asked and by whom, and greets on a third. */
import { createServer as httpServer } from 'node:http'
import { createServer as tcpServer } from 'node:net'

const [name = '', address = '::'] = process.argv.slice(2)

for (const port of [8080, 9999]) {
  httpServer((request, response) => {
    const { url, method, headers, socket } = request
    if (url === '/moved') response.writeHead(302, { location: '/elsewhere' })
    else if (url === '/broken') response.writeHead(500)
    response.end(JSON.stringify({ name, url, method, headers, from: socket.remoteAddress, to: socket.localAddress }))
  }).listen(port, address)
}
tcpServer(socket => socket.on('error', () => {}).end(`220 ${name} ready\n`)).listen(3306, address)
process.stdout.write('listening\n')
