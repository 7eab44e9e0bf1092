import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RESOURCES } from '../kubernetes/index.ts'
import { refuse } from '../kubernetes/testdata/scripted-server.ts'
import { KubernetesSource } from './kubernetes.ts'
import type { ReflectorEvent, ReflectorTiming } from './reflector-options.ts'
import { Recorder, sourceContract } from './source.contract.ts'
import { FakeApiServer } from './testdata/fake-api-server.ts'

const QUICK: ReflectorTiming = {
  pageSize: 2,
  watchMs: 60_000,
  silenceMs: 5_000,
  retryFirstMs: 2,
  retryMostMs: 20,
  confirmMs: 5,
  absentMs: 5,
  auditMs: 60_000,
}

interface Rig {
  readonly api: FakeApiServer
  readonly source: KubernetesSource
  readonly on: Recorder
  readonly events: readonly ReflectorEvent[]
  /** Names and texts, as told. */
  told(): Readonly<Record<string, string>>
  /** Waits until what was told is what there is. */
  agreed(): Promise<void>
}

function sourceOf(api: FakeApiServer, timing: Partial<ReflectorTiming> = {}, events: ReflectorEvent[] = []) {
  const { configMaps } = RESOURCES
  return new KubernetesSource({
    client: api.server.client,
    followed: [{ name: 'configmaps', find: async () => configMaps }],
    random: Math.random,
    now: () => performance.now(),
    timing: { ...QUICK, ...timing },
    onEvent: (_name, event) => events.push(event),
  })
}

function scripted(sentence: string, body: (rig: Rig) => Promise<void>, timing: Partial<ReflectorTiming> = {}): void {
  test(sentence, async () => {
    const api = await FakeApiServer.start()
    const events: ReflectorEvent[] = []
    const source = sourceOf(api, timing, events)
    const on = new Recorder()
    const told = () =>
      Object.fromEntries(
        [...on.state.values()]
          .map(({ ref, object }) => [ref.name, JSON.parse(JSON.stringify(object)).data.text])
          .sort(),
      )
    const is = () => Object.fromEntries([...api.objects.values()].map(({ name, text }) => [name, text]).sort())
    const agreed = () =>
      on.until('what was told is what there is', () => JSON.stringify(told()) === JSON.stringify(is()))
    for (const name of ['a', 'b', 'c']) api.write(name, '1')
    try {
      await source.start(on)
      await on.until('synced', () => on.syncs > 0)
      await api.watched()
      await body({ api, source, on, events, told, agreed })
    } finally {
      await source.stop()
      await api.stop()
    }
  })
}

sourceContract('a reflector', async () => {
  const api = await FakeApiServer.start()
  return {
    source: sourceOf(api),
    write: async (name, text) => api.write(name, text),
    remove: async name => api.remove(name),
    spoil: async name => api.spoil(name),
    dispose: () => api.stop(),
  }
})

scripted('a list comes in pages, and what is told bears kind and version but not who wrote which field', async rig => {
  assert.deepEqual(rig.told(), { a: '1', b: '1', c: '1' })
  assert.equal(rig.api.asked('list'), 2)
  assert.deepEqual(rig.on.state.get('ConfigMap default/a')?.object, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'default', resourceVersion: '10' },
    data: { text: '1' },
  })
})

scripted('after a broken connection the watch goes on where it was, without a list', async ({ api, agreed }) => {
  const lists = api.asked('list')
  api.server.cut()
  api.write('a', '2')
  api.remove('b')
  api.write('d', '1')
  await agreed()
  assert.equal(api.asked('list'), lists)
})

scripted('what was deleted while nobody watched, and is too long ago to be watched, is found missing', async rig => {
  const { api, agreed } = rig
  api.misbehave = (_asked, response) => response.destroy() !== undefined
  api.server.cut()
  api.remove('a')
  api.write('b', '2')
  api.compact()
  api.misbehave = () => false
  await agreed()
  const listed = rig.events.findLast(event => event.kind === 'listed')
  assert.deepEqual(listed, { kind: 'listed', objects: 2, changed: 1, removed: 1 }, 'and nothing else is told anew')
})

scripted('a version that becomes too old within the watch is listed anew', async ({ api, agreed }) => {
  const lists = api.asked('list')
  api.unseen(() => api.remove('c'))
  api.compact()
  const watches = api.asked('watch')
  api.say(`${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code: 410, message: 'too old' } })}\n`)
  await agreed()
  assert.deepEqual([api.asked('list') > lists, api.asked('watch')], [true, watches], 'by a list, and at once')
})

scripted('who is told to come back later comes back', async ({ api, agreed }) => {
  let refusals = 0
  api.misbehave = (_asked, response) => {
    if (refusals++ > 2) return false
    refuse(response, 429, 'busy', { 'retry-after': '0' })
    return true
  }
  api.server.cut()
  api.write('a', '2')
  await agreed()
})

for (const [status, code] of [
  [429, 'storage is (re)initializing'],
  [410, 'the provided resource version is too old'],
] as const) {
  scripted(`a few ${status} in a row are no problem, and one that lasts is one`, async ({ api, on, agreed }) => {
    let refusals = 0
    let most = 4
    api.misbehave = (_asked, response) => {
      if (refusals >= most) return false
      refusals++
      refuse(response, status, code, { 'retry-after': '0' })
      return true
    }
    api.server.cut()
    api.write('a', '2')
    await agreed()
    assert.deepEqual([refusals, on.problemsSeen], [4, []])
    ;[refusals, most] = [0, Number.POSITIVE_INFINITY]
    api.server.cut()
    await on.until('it is told', () => on.current.length > 0)
  })
}

scripted('an event that is cut off in its middle is not told, and comes whole with the next watch', async rig => {
  const { api, agreed, told } = rig
  const whole = JSON.stringify({ type: 'DELETED', object: { metadata: { name: 'a', namespace: 'default' } } })
  api.say(whole.slice(0, -4))
  api.server.cut()
  api.write('b', '2')
  await agreed()
  assert.equal(told()['a'], '1')
})

scripted('a line that is no event is no reason to believe anything, but to look anew', async ({ api, agreed }) => {
  api.unseen(() => api.write('a', '2'))
  api.say('<html>502 Bad Gateway</html>\n')
  await agreed()
})

scripted(
  'a connection on which nothing comes any more is given up',
  async ({ api, agreed }) => {
    api.unseen(() => api.write('a', '2'))
    await agreed()
  },
  { silenceMs: 60 },
)

scripted('a bookmark moves the place where the next watch begins', async ({ api }) => {
  api.unseen(() => api.write('a', '2'))
  api.bookmark()
  api.endWatches()
  await api.watched()
  const versions = api.server.asked.map(({ query }) => query.has('watch') && query.get('resourceVersion'))
  assert.deepEqual(versions.slice(-2), ['12', '13'])
})

scripted(
  'a watch that ends as soon as it begins is not begun in a circle',
  async ({ api, agreed }) => {
    let ended = 0
    api.misbehave = ({ query }, response) => {
      if (!query.has('watch') || ended >= 4) return false
      ended++
      response.writeHead(200).end()
      return true
    }
    const began = performance.now()
    api.endWatches()
    api.write('a', '2')
    await agreed()
    assert.ok(performance.now() - began > 60, 'four waits, the shortest of each 10, 20, 20 and 20 ms')
  },
  { retryFirstMs: 20, retryMostMs: 40 },
)

scripted('one empty list does not mean that all is gone', async ({ api, on, agreed }) => {
  let lies = 1
  api.misbehave = ({ query }, response) => {
    if (query.has('watch') || lies-- <= 0) return false
    response.writeHead(200).end('{"metadata":{"resourceVersion":"20"},"items":[]}')
    return true
  }
  api.write('d', '1')
  api.compact()
  api.unseen(() => api.write('e', '1'))
  api.compact()
  api.server.cut()
  await agreed()
  assert.ok(on.batches.flat().every(({ object }) => object !== undefined))
})

scripted('two empty lists mean it', async ({ api, agreed }) => {
  api.unseen(() => {
    for (const name of ['a', 'b', 'c']) api.remove(name)
  })
  api.compact()
  api.server.cut()
  await agreed()
})

scripted(
  'a failed list removes nothing, is reported, and is over when it is over',
  async ({ api, on, told, agreed }) => {
    api.misbehave = (_asked, response) => {
      refuse(response, 403, 'configmaps is forbidden')
      return true
    }
    api.unseen(() => api.remove('a'))
    api.compact()
    api.server.cut()
    await on.until('it is reported', () => on.current.length > 0)
    assert.match(on.current[0]?.message ?? '', /configmaps is forbidden\. Give the role/)
    assert.deepEqual(told(), { a: '1', b: '1', c: '1' })
    api.misbehave = () => false
    await agreed()
    await on.until('the report is over', () => on.current.length === 0)
  },
)

scripted('a list whose version is forgotten between two pages is read in one', async ({ api, agreed }) => {
  api.misbehave = ({ query }, response) => {
    if (!query.has('continue')) return false
    refuse(response, 410, 'the provided continue parameter is too old')
    return true
  }
  api.unseen(() => api.write('c', '2'))
  api.compact()
  api.server.cut()
  await agreed()
})

scripted(
  'an audit finds what a watch has lost, counts it and repairs it',
  async ({ api, agreed, events }) => {
    api.unseen(() => {
      api.write('a', '2')
      api.remove('b')
    })
    api.write('c', '2')
    const bookmarks = setInterval(() => api.bookmark(), 5)
    await agreed()
    clearInterval(bookmarks)
    assert.ok(events.some(event => event.kind === 'audited' && event.differences === 2))
  },
  { auditMs: 20 },
)

scripted(
  'an audit finds nothing where everything is in order, whatever changes meanwhile',
  async ({ api, agreed, events, on }) => {
    let writes = 0
    const churn = setInterval(() => {
      api.write(`n${writes % 7}`, String(writes))
      api.remove(`n${(writes + 3) % 7}`)
      writes++
      if (writes % 5 === 0) api.bookmark()
      if (writes % 11 === 0) api.server.cut()
    }, 1)
    const audits = () => events.filter(event => event.kind === 'audited')
    await on.until('twenty audits are over', () => audits().length >= 20)
    clearInterval(churn)
    await agreed()
    assert.deepEqual(
      audits().filter(({ differences }) => differences > 0),
      [],
    )
  },
  { auditMs: 3 },
)

test('a kind that is not served keeps nothing waiting, is reported, and is followed once it is served', async () => {
  const api = await FakeApiServer.start()
  api.write('a', '1')
  let isServed = false
  const source = new KubernetesSource({
    client: api.server.client,
    followed: [{ name: 'configmaps', find: async () => (isServed ? RESOURCES.configMaps : undefined) }],
    random: Math.random,
    now: () => performance.now(),
    timing: QUICK,
  })
  const on = new Recorder()
  try {
    await source.start(on)
    await on.until('synced', () => on.syncs > 0)
    assert.match(on.current[0]?.message ?? '', /does not serve configmaps\. Install/)
    assert.equal(on.state.size, 0)
    isServed = true
    await on.until('the object is told', () => on.state.size === 1)
    await on.until('the report is over', () => on.current.length === 0)
  } finally {
    await source.stop()
    await api.stop()
  }
})

scripted('whoever has not heard of the server for long says so, and whoever has, does not', async ({ source }) => {
  assert.deepEqual(source.unready(), [])
  const silent = new KubernetesSource({
    client: { list: undefined } as never,
    followed: [{ name: 'pods', find: () => new Promise(() => {}) }],
    random: Math.random,
    now: () => 0,
  })
  assert.deepEqual(silent.unready(), ['The pods of the cluster have not been read yet.'])
})

const HOST = 'smi-mesh.smi-mesh.svc'

test('a source says that it waits for conversion by us where that is all it waits for', async () => {
  const failed = 'conversion webhook for split.smi-spec.io/v1alpha2, Kind=TrafficSplit failed:'
  const problems = {
    unconverted: `${failed} Post "https://smi-mesh.smi-mesh.svc:443/convert?timeout=30s": no endpoints available`,
    ofOthers: `${failed} Post "https://osm-bootstrap.osm-system.svc:9443/convert": service "osm-bootstrap" not found`,
    refused: `${failed} this object cannot be converted`,
    busy: 'etcdserver: request timed out',
  }
  let message = problems.unconverted
  const api = await FakeApiServer.start()
  api.misbehave = (_asked, response) => {
    refuse(response, 500, message)
    return true
  }
  const source = new KubernetesSource({
    client: api.server.client,
    followed: [{ name: 'configmaps', find: async () => RESOURCES.configMaps }],
    random: Math.random,
    now: () => performance.now(),
    timing: QUICK,
  })
  const on = new Recorder()
  assert.equal(source.awaitsConversion(HOST), false, 'nothing was asked yet')
  try {
    await source.start(on)
    await on.until('it waits', () => source.awaitsConversion(HOST))
    for (const other of [problems.ofOthers, problems.refused, problems.busy]) {
      message = other
      await on.until(`it does not wait for us: ${other}`, () => !source.awaitsConversion(HOST))
      message = problems.unconverted
      await on.until('it waits again', () => source.awaitsConversion(HOST))
    }
    api.misbehave = () => false
    await on.until('synced', () => on.syncs > 0)
    assert.equal(source.awaitsConversion(HOST), false)
  } finally {
    await source.stop()
    await api.stop()
  }
})
