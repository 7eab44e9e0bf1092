import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MeshError, meshError } from '../mesh-error.ts'
import { RESOURCES } from './resources.ts'
import { json, refuse, scriptedServer } from './testdata/scripted-server.ts'

const AT = { namespace: 'shop', name: 'web' }

async function failure(work: Promise<unknown>): Promise<MeshError> {
  const error = await work.then(
    () => undefined,
    (found: unknown) => found,
  )
  assert.ok(error instanceof MeshError, `a MeshError was expected, not ${String(error)}`)
  return error
}

async function all<T>(found: AsyncIterable<T>): Promise<readonly T[]> {
  const list: T[] = []
  for await (const one of found) list.push(one)
  return list
}

test('a list is read to its last page, each page continuing the one before', async () => {
  await using server = await scriptedServer(({ query }, response) => {
    const page = query.get('continue') ?? 'first'
    const next: Record<string, string> = { first: 'second', second: '' }
    json(response, 200, {
      metadata: { resourceVersion: '7', continue: next[page] },
      items: [{ metadata: { name: page } }],
    })
  })
  const pages = await all(server.client.list(RESOURCES.pods, { limit: 1, resourceVersion: '0' }))
  assert.deepEqual(
    pages.flatMap(({ items, resourceVersion }) => items.map(item => [resourceVersion, item])),
    [
      ['7', { metadata: { name: 'first' } }],
      ['7', { metadata: { name: 'second' } }],
    ],
  )
  assert.deepEqual(
    server.asked.map(({ path, query }) => `${path}?${query}`),
    ['/api/v1/pods?limit=1&resourceVersion=0', '/api/v1/pods?limit=1&continue=second'],
  )
})

test('an answer that is no list is a failure, never an empty list', async () => {
  const answers = ['', '{}', '[]', '<html>', '{"items":[]}', '{"metadata":{"resourceVersion":"1"},"items":{}}']
  for (const answer of answers) {
    await using server = await scriptedServer((_asked, response) => {
      response.writeHead(200).end(answer)
    })
    const error = await failure(all(server.client.list(RESOURCES.pods)))
    assert.equal(error.code, 'ApiUnusable', answer)
  }
})

test('every refusal has its code, what the server said, and when to come back', async () => {
  const codes = {
    400: 'ApiRefused',
    401: 'ApiUnauthenticated',
    403: 'ApiForbidden',
    404: 'ApiNotFound',
    409: 'ApiConflict',
    410: 'ApiGone',
    422: 'ApiRefused',
    429: 'ApiThrottled',
    500: 'ApiFailed',
    503: 'ApiFailed',
  }
  await using server = await scriptedServer(({ path }, response) =>
    refuse(response, Number(path.split('/').at(-1)), 'so it is', { 'retry-after': '3' }),
  )
  for (const [status, code] of Object.entries(codes)) {
    const error = await failure(server.client.get(RESOURCES.services, { namespace: 'shop', name: status }))
    assert.deepEqual([error.code, error.retryAfterMs], [code, 3_000])
    assert.match(error.message, new RegExp(`reading services shop/${status} \\(${status}\\): so it is`))
  }
})

test('a namespace on its way out is no lack of permission', async () => {
  const details = { causes: [{ reason: 'NamespaceTerminating', field: 'metadata.namespace' }] }
  await using server = await scriptedServer((_asked, response) =>
    json(response, 403, { kind: 'Status', message: 'it is being terminated', details }),
  )
  assert.equal((await failure(server.client.get(RESOURCES.services, AT))).code, 'ApiTerminating')
})

test('nobody who answers is unreachable, and so is an answer that breaks off or takes too long', async () => {
  const gone = await scriptedServer(() => undefined)
  await gone[Symbol.asyncDispose]()
  assert.equal((await failure(gone.client.get(RESOURCES.services, AT))).code, 'ApiUnreachable')
  await using cutting = await scriptedServer((_asked, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('{"metadata"')
    setImmediate(() => response.destroy())
  })
  assert.equal((await failure(cutting.client.get(RESOURCES.services, AT))).code, 'ApiUnreachable')
  await using silent = await scriptedServer(() => undefined)
  assert.equal((await failure(silent.client.get(RESOURCES.services, AT, { timeoutMs: 20 }))).code, 'ApiUnreachable')
})

test('a kept connection that the server has closed meanwhile costs no failure', async () => {
  let first = true
  await using server = await scriptedServer((_asked, response) => {
    if (first) json(response, 200, { metadata: {} })
    else if (response.req.socket.bytesWritten > 0) response.req.socket.destroy()
    else json(response, 200, { metadata: { name: 'web' } })
    first = false
  })
  await server.client.get(RESOURCES.services, AT)
  assert.deepEqual(await server.client.get(RESOURCES.services, AT), { metadata: { name: 'web' } })
})

test('whoever gives up is told so at once, and not that the server failed', async () => {
  await using server = await scriptedServer(() => undefined)
  const given = new AbortController()
  const asking = server.client.get(RESOURCES.services, AT, { signal: given.signal })
  given.abort(new Error('enough'))
  await assert.rejects(asking, /^Error: enough$/)
})

test('server-side apply names its manager and sends apiVersion, kind and the fields it wants', async () => {
  await using server = await scriptedServer((_asked, response) => json(response, 200, {}))
  await server.client.apply(
    RESOURCES.configMaps,
    { metadata: AT, data: { a: '1' } },
    { fieldManager: 'tester', force: true, subresource: 'status' },
  )
  const [asked] = server.asked
  assert.equal(asked?.method, 'PATCH')
  assert.equal(asked?.headers['content-type'], 'application/apply-patch+yaml')
  assert.equal(
    `${asked?.path}?${asked?.query}`,
    '/api/v1/namespaces/shop/configmaps/web/status?fieldManager=tester&force=true',
  )
  assert.deepEqual(JSON.parse(asked?.body ?? ''), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: AT,
    data: { a: '1' },
  })
})

test('what is removed already is removed', async () => {
  await using server = await scriptedServer((_asked, response) => refuse(response, 404, 'not found'))
  await server.client.remove(RESOURCES.secrets, AT)
  assert.equal(server.asked[0]?.path, '/api/v1/namespaces/shop/secrets/web')
})

test('a review is answered by its status', async () => {
  await using server = await scriptedServer(({ body }, response) =>
    json(response, 201, { ...JSON.parse(body), status: { authenticated: true } }),
  )
  const status = await server.client.postReview(RESOURCES.tokenReviews, { token: 't', audiences: ['smi-mesh'] })
  assert.deepEqual(status, { authenticated: true })
})

test('what of a group is served is asked of the server, and may be nothing', async () => {
  await using server = await scriptedServer(({ path }, response) => {
    if (path === '/apis/split.smi-spec.io') json(response, 200, { versions: [{ version: 'v1alpha2' }] })
    else if (path.endsWith('/v1alpha2')) json(response, 200, { resources: [{ name: 'trafficsplits' }] })
    else refuse(response, 404, 'not found')
  })
  assert.deepEqual(await server.client.served('split.smi-spec.io'), [
    { version: 'v1alpha2', plurals: ['trafficsplits'] },
  ])
  assert.deepEqual(await server.client.served('access.smi-spec.io'), [])
})

const WATCH = { resourceVersion: '5', serverTimeoutMs: 60_000, silenceMs: 1_000 }

test('lines of a watch arrive whole wherever they were cut, in the middle of a character too', async () => {
  const events = [{ type: 'ADDED', object: { text: 'größe 🐟' } }, { type: 'BOOKMARK' }]
  const bytes = Buffer.from(events.map(event => `${JSON.stringify(event)}\n`).join(''))
  await using server = await scriptedServer(async (_asked, response) => {
    for (const byte of bytes) await new Promise<unknown>(resolve => response.write(Buffer.of(byte), resolve))
    response.end()
  })
  const lines: string[] = []
  await server.client.watch(RESOURCES.pods, { ...WATCH, onLines: whole => lines.push(...whole) })
  assert.deepEqual(
    lines.map(text => JSON.parse(text)),
    events,
  )
  const asked = server.asked[0]?.query.toString()
  assert.equal(asked, 'watch=1&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=60')
})

test('a watch whose connection is cut within a line has failed, and the piece is not told', async () => {
  await using server = await scriptedServer((_asked, response) => {
    response.write('{"type":"ADDED"}\n{"type":"DEL', () => response.destroy())
  })
  const lines: string[] = []
  const error = await failure(server.client.watch(RESOURCES.pods, { ...WATCH, onLines: all => lines.push(...all) }))
  assert.equal(error.code, 'ApiUnreachable')
  assert.deepEqual(lines, ['{"type":"ADDED"}'])
})

test('a watch on which nothing comes is given up', async () => {
  await using server = await scriptedServer((_asked, response) => {
    response.writeHead(200).flushHeaders()
  })
  const error = await failure(
    server.client.watch(RESOURCES.pods, { ...WATCH, silenceMs: 20, onLines: () => undefined }),
  )
  assert.equal(error.code, 'ApiUnreachable')
})

test('a watch that is refused says why, before any line', async () => {
  await using server = await scriptedServer((_asked, response) => refuse(response, 410, 'too old'))
  const error = await failure(server.client.watch(RESOURCES.pods, { ...WATCH, onLines: () => assert.fail() }))
  assert.ok(meshError(error, 'ApiGone'))
})

test('a dry run of a creation says that it is one', async () => {
  await using server = await scriptedServer((_asked, response) => json(response, 201, {}))
  const object = { metadata: { namespace: 'shop', name: 'web' } }
  await server.client.create(RESOURCES.services, object, { dryRun: true })
  await server.client.create(RESOURCES.services, object)
  assert.deepEqual(
    server.asked.map(({ path, query }) => `${path}?${query}`),
    ['/api/v1/namespaces/shop/services?dryRun=All', '/api/v1/namespaces/shop/services?'],
  )
})

test('a pod is asked through the API server, at a port of it', async () => {
  await using server = await scriptedServer((_asked, response) => {
    response.writeHead(200).end('smi_xds_streams 3\n')
  })
  const said = await server.client.fromPod(AT, { port: 15014, path: '/metrics' })
  assert.equal(said, 'smi_xds_streams 3\n')
  assert.deepEqual(
    server.asked.map(({ path }) => path),
    ['/api/v1/namespaces/shop/pods/web%3A15014/proxy/metrics'],
  )
})
