import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drain } from './drain.ts'

/** What a proxy says that has such requests, connections, and connections of HTTP among those. */
function stats(requests: number, connections: number, ofHttp: number): string {
  const values = {
    'http.inbound.downstream_rq_active': requests,
    'listener.inbound.downstream_cx_active': connections,
    'http.inbound.downstream_cx_active': ofHttp,
  }
  return JSON.stringify({ stats: Object.entries(values).map(([name, value]) => ({ name, value })) })
}

/** A proxy whose answers are given, one for each look, on a clock that only pauses move. */
function proxy(...answers: readonly string[]) {
  const left = [...answers]
  let time = 0
  return {
    now: () => time,
    pause: async (ms: number) => {
      time += ms
    },
    ask: async (path: string) => {
      if (!path.startsWith('/stats')) return { status: 200, body: 'OK' }
      const body = left.length > 1 ? left.shift() : left[0]
      return body === undefined ? undefined : { status: 200, body }
    },
  }
}

test('it waits for what is on its way, and at least the minimum', async () => {
  const busy = proxy(stats(1, 1, 1), stats(1, 1, 1), stats(0, 1, 1))
  assert.equal(await drain({ ...busy, minimumMs: 0, maximumMs: 10_000 }), 'quiet')
  assert.equal(busy.now(), 600)
  const idle = proxy(stats(0, 0, 0))
  assert.equal(await drain({ ...idle, minimumMs: 5_000, maximumMs: 10_000 }), 'quiet')
  assert.equal(idle.now(), 5_000)
})

test('its time is bounded, and a proxy that has gone is not waited for', async () => {
  const stuck = proxy(stats(1, 1, 1))
  assert.equal(await drain({ ...stuck, minimumMs: 0, maximumMs: 1_100 }), 'out-of-time')
  assert.equal(stuck.now(), 1_100)
  assert.equal(await drain({ ...proxy(), minimumMs: 0, maximumMs: 1_000 }), 'gone')
})

test('a proxy that is too busy to answer is not taken for gone', async () => {
  const busy = proxy(stats(1, 1, 1), stats(0, 0, 0))
  let asked = 0
  const ask = async (path: string) => (++asked <= 2 ? { status: 504, body: '' } : busy.ask(path))
  assert.equal(await drain({ ...busy, ask, minimumMs: 0, maximumMs: 10_000 }), 'quiet')
  assert.equal(busy.now(), 600)
})
