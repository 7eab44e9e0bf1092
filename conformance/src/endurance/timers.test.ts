import assert from 'node:assert/strict'
import { test } from 'node:test'
import { timersThatEndStreams } from './timers.ts'

const dumpOf = (message: object) => ({ configs: [{ dynamic_listeners: [{ filter: message }] }] })
const found = (message: object) => timersThatEndStreams(dumpOf(message)).map(({ path, value }) => `${path} ${value}`)
const MANAGER = { '@type': 'type.googleapis.com/a.b.HttpConnectionManager' }

test('a timer that is not known to be harmless may end a stream', () => {
  assert.deepEqual(found({ max_stream_duration: { max_stream_duration: '60s' } }), [
    'dynamic_listeners.filter.max_stream_duration.max_stream_duration 60s',
  ])
})

test('a default that ends what is silent is found where nothing is said', () => {
  assert.deepEqual(found(MANAGER), ['dynamic_listeners.filter.stream_idle_timeout left to its default'])
  assert.deepEqual(found({ ...MANAGER, stream_idle_timeout: '0s' }), [])
  assert.deepEqual(found({ route: { cluster: 'a' } }), ['dynamic_listeners.filter.route.timeout left to its default'])
  assert.deepEqual(found({ route: { cluster: 'a', timeout: '0s' } }), [])
})

test('what rests may be ended, and what does not come about', () => {
  assert.deepEqual(found({ connect_timeout: '5s', common_http_protocol_options: { idle_timeout: '4s' } }), [])
})

test('the way to the control plane carries no stream of an application', () => {
  assert.deepEqual(timersThatEndStreams({ configs: [{ bootstrap: { timeout: '10s' } }] }), [])
})
