import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isUnserved } from './unserved.ts'

const HEAD = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode'
const PROXY =
  '   0: 00000000:3A99 00000000:0000 0A 00000000:00000000 00:00000000 00000000 15000        0 1 1 0 100 0 0 10 0'
const APPLICATION = PROXY.replace('3A99', '1F90')
const CALLING = APPLICATION.replace(' 0A ', ' 01 ')

function unserved(lines: readonly string[], connections: number | undefined): Promise<boolean> {
  const body = connections === undefined ? '' : `http.inbound.downstream_cx_total: ${connections}\n`
  const ask = async () => ({ status: 200, body })
  return isUnserved({ sockets: [[HEAD, ...lines].join('\n'), `${HEAD}\n`], proxyPorts: [15_001], ask })
}

test('a pod whose application has ended without ever being called serves nobody', async () => {
  assert.equal(await unserved([PROXY, CALLING], 0), true)
})

test('one whose application listens may be called', async () => {
  assert.equal(await unserved([PROXY, APPLICATION], 0), false)
})

test('one that was called has callers who must learn of its end, even if its application has ended already', async () => {
  assert.equal(await unserved([PROXY], 3), false)
})

test('one of which the proxy says nothing is taken for one that serves', async () => {
  assert.equal(await unserved([PROXY], undefined), false)
})
