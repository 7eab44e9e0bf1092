import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Finding } from '../compile/index.ts'
import { newsOf } from './findings-news.ts'

const SPLIT = { kind: 'TrafficSplit', namespace: 'shop', name: 'canary' } as const
const SUBJECT = 'TrafficSplit shop/canary, spec.backends[1].service (PortNotFound)'

function missing(port: number, more: Partial<Finding> = {}): Finding {
  const message = `Service shop/v2 has no port ${port}.`
  const field = 'spec.backends[1].service'
  return { about: SPLIT, condition: 'ResolvedRefs', reason: 'PortNotFound', field, message, ...more }
}

/** The lines of each revision, given the findings of each. */
function told(...revisions: readonly (readonly Finding[])[]): readonly (readonly string[])[] {
  let lines: string[] = []
  let line = 0
  const news = newsOf(text => lines.push(text))
  return revisions.map(findings => {
    lines = []
    news(findings, () => `shop.yaml:${++line}`)
    return lines
  })
}

test('a finding is said when it comes up and when it is settled, each once', () => {
  const found = [missing(80)]
  const lines = told(found, found, [], [], found)
  const news = (line: number) => `! shop.yaml:${line}: ${SUBJECT}: Service shop/v2 has no port 80.`
  assert.deepEqual(lines, [[news(1)], [], [`settled: ${SUBJECT}`], [], [news(2)]])
})

test('a finding whose object only moves is no news', () => {
  const news: string[] = []
  const tell = newsOf(text => news.push(text))
  tell([missing(80)], () => 'shop.yaml:1')
  tell([missing(80)], () => 'other.yaml:9')
  assert.equal(news.length, 1)
})

test('of findings for several ports each is said, and that all are settled is said once', () => {
  const lines = told([missing(80), missing(81)], [missing(81)], [])
  assert.equal(lines[0]?.length, 2)
  assert.deepEqual(lines.slice(1), [[], [`settled: ${SUBJECT}`]])
})

test('a finding that is put in other words is not settled', () => {
  const lines = told([missing(80)], [missing(80, { message: 'Service shop/v3 has no port 80.' })])
  assert.deepEqual(lines[1], [`! shop.yaml:2: ${SUBJECT}: Service shop/v3 has no port 80.`])
})
