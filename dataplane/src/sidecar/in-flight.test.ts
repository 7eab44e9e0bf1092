import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inFlightIn } from './in-flight.ts'

const stats = (values: Readonly<Record<string, number>>) =>
  JSON.stringify({ stats: [...Object.entries(values).map(([name, value]) => ({ name, value })), { histograms: {} }] })

test('requests of HTTP are in flight, its idle connections are not', () => {
  assert.equal(inFlightIn(stats({ 'http.inbound.downstream_rq_active': 2, 'http.inbound.downstream_cx_active': 9 })), 2)
})

test('connections that carry bytes are in flight as long as they are open', () => {
  const http = { 'http.inbound.downstream_rq_active': 1, 'http.inbound.downstream_cx_active': 2 }
  assert.equal(inFlightIn(stats({ ...http, 'listener.inbound.downstream_cx_active': 5 })), 4)
  assert.equal(inFlightIn(stats({ ...http, 'listener.inbound.downstream_cx_active': 2 })), 1)
})

test('what cannot be read tells nothing, which is not nothing in flight', () => {
  assert.equal(inFlightIn('upstream connect error'), undefined)
  assert.equal(inFlightIn('{}'), undefined)
  assert.equal(inFlightIn('{"stats":[]}'), 0)
})
