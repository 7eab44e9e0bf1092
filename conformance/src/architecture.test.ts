/** The rules that keep this repository readable, as tests. Each message says which rule is broken and why there is one. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize, resolve } from 'node:path'
import { describe, test } from 'node:test'
import { FILE_RULES, faults, importsOf, PACKAGE_RULES, type SourceFile } from './architecture.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** What is or may be committed: ignored files are nobody's business. */
const paths = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter(path => path !== '' && statSync(join(ROOT, path), { throwIfNoEntry: false })?.isFile())

const sources: readonly SourceFile[] = paths
  .filter(path => path.endsWith('.ts') && !path.endsWith('.gen.ts'))
  .map(path => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))

describe('every source file', () => {
  for (const rule of FILE_RULES) {
    test(rule.says, () => {
      const found = sources.flatMap(file => rule.broken(file).map(what => `${file.path}: ${what}`))
      assert.equal(found.join('\n'), '', `${rule.says}, because ${rule.because}.`)
    })
  }
})

describe('every import', () => {
  for (const rule of PACKAGE_RULES) {
    test(rule.says, () => {
      const found = sources.flatMap(file => faults(rule, file))
      assert.equal(found.join('\n'), '', `${rule.says}, because ${rule.because}.`)
    })
  }

  test('of another package is one that the package declares', () => {
    const found = sources.flatMap(file => {
      const declared = dependenciesOf(file.path)
      return importsOf(file)
        .filter(name => !name.startsWith('.') && !name.startsWith('node:'))
        .map(packageOf)
        .filter(name => !declared.has(name))
        .map(name => `${file.path} imports ${name}`)
    })
    assert.equal(
      found.join('\n'),
      '',
      'Declare it in package.json: what happens to be installed today may not be tomorrow.',
    )
  })

  test('leads to a file', () => {
    const known = new Set(paths)
    const found = sources.flatMap(file =>
      importsOf(file)
        .filter(name => name.startsWith('.') && !name.includes('/gen/'))
        .map(name => normalize(join(dirname(file.path), name)))
        .filter(path => !known.has(path))
        .map(path => `${file.path} imports ${path}`),
    )
    assert.equal(found.join('\n'), '', 'Write the path with its ending, and commit what it leads to.')
  })
})

describe('the repository', () => {
  test('says nothing of the machine it was written on', () => {
    const found = paths
      .filter(path => /\.(?:ts|json|ya?ml|md|sh|toml)$|Makefile$|^\.npmrc$/.test(path))
      .flatMap(path => placesIn(readFileSync(join(ROOT, path), 'utf8')).map(place => `${path}: ${place}`))
    assert.equal(found.join('\n'), '', 'A path of one machine is wrong on every other.')
  })

  test('locks versions, not the address they were downloaded from', () => {
    const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')
    const found = [...lock.matchAll(/"resolved": "(https?:[^"]*)"/g)].map(([, address]) => address)
    assert.deepEqual(found, [], 'Everyone has a registry of their own; the integrity hash says what was meant.')
  })
})

describe('a rule finds what it forbids', () => {
  const breaking: Readonly<Record<string, SourceFile>> = {
    'begins by saying what it knows': file('dataplane/src/a.ts', 'export const a = 1\n'),
    'is at most 350 lines long, a test 400 (the aim is 300)': file('dataplane/src/a.ts', '\n'.repeat(351)),
    'has no function of more than 90 lines (the aim is 40)': file(
      'a.ts',
      `export function a() {\n${'  a()\n'.repeat(95)}}\n`,
    ),
    'exports by name, unless it says on the spot why not': file('a.ts', 'export default 1\n'),
    'has no enum, no namespace and no parameter property': file('a.ts', 'export const enum A { B }\n'),
    'is named for what it holds': file('operator/src/utils.ts', ''),
    'smi-crds knows no other package of ours': importing('smi-crds/src/a.ts', '@smi-mesh/dataplane/mesh'),
    'dataplane knows no Kubernetes and no SMI': importing('dataplane/src/a.ts', '@smi-mesh/smi-crds'),
    'operator does not know conformance': importing('operator/src/a.ts', '@smi-mesh/conformance'),
    'packages import each other by their public names': importing('operator/src/a.ts', '@smi-mesh/dataplane/src/x.ts'),
    'no relative import leaves its package': importing('operator/src/a.ts', '../../dataplane/src/mesh/mesh.ts'),
    'derive knows nothing of meshes': importing('dataplane/src/derive/a.ts', '../mesh/keys.ts'),
    'the mesh knows no Envoy': importing('dataplane/src/mesh/a.ts', '../envoy/names.ts'),
    'envoy and xds do not know each other': importing('dataplane/src/xds/a.ts', '../envoy/names.ts'),
    'only proto, and the wire format of xds, know the protobuf library': importing(
      'operator/src/a.ts',
      '@bufbuild/protobuf',
    ),
    'facts and compile know neither sources nor status nor identities': importing(
      'operator/src/facts/a.ts',
      '../status/x.ts',
    ),
    'only operator/src/kubernetes knows the Kubernetes client library': importing(
      'operator/src/sources/a.ts',
      '@kubernetes/client-node',
    ),
    'only operator.ts knows the package of its base class': importing(
      'operator/src/kubernetes/a.ts',
      '@dot-i/k8s-operator',
    ),
    'kubernetes knows how to ask, not what for': importing('operator/src/kubernetes/a.ts', '../sources/index.ts'),
    'what runs without a cluster does not know the Kubernetes API': importing(
      'operator/src/facts/a.ts',
      '../kubernetes/index.ts',
    ),
    'the oracle shares no code with what it judges': importing(
      'conformance/src/oracle/a.ts',
      '@smi-mesh/dataplane/mesh',
    ),
  }

  test('each rule has an example of what it forbids', () => {
    const said = [...FILE_RULES, ...PACKAGE_RULES].map(rule => rule.says)
    assert.deepEqual(Object.keys(breaking).sort(), said.sort())
  })

  for (const [says, example] of Object.entries(breaking)) {
    test(says, () => {
      const broken = FILE_RULES.filter(rule => rule.says === says).flatMap(rule => rule.broken(example))
      const imported = PACKAGE_RULES.filter(rule => rule.says === says).flatMap(rule => faults(rule, example))
      assert.notDeepEqual([...broken, ...imported], [])
    })
  }
})

function file(path: string, text: string): SourceFile {
  return { path, text }
}

function importing(path: string, name: string): SourceFile {
  return { path, text: `/** Says. */\nimport type { A } from '${name}'\n` }
}

/** Home directories and other places nobody else has; examples in documents speak of `~`, `$HOME` or relative paths. */
function placesIn(text: string): readonly string[] {
  return [...text.matchAll(/(?<![\w.$~])\/(?:home|root|Users|work)\/[\w.-]+(?:\/[\w.-]+)+/g)].map(([place]) => place)
}

/** Tests may use what the whole workspace has for development. */
function dependenciesOf(path: string): ReadonlySet<string> {
  const [workspace = ''] = path.split('/')
  const manifests = [join(ROOT, 'package.json'), join(ROOT, workspace, 'package.json')]
  const names = manifests.flatMap(manifest => {
    const { name, dependencies, devDependencies } = { name: '', ...JSON.parse(readFileSync(manifest, 'utf8')) }
    return [String(name), ...Object.keys({ ...dependencies, ...devDependencies })]
  })
  return new Set(names)
}

function packageOf(name: string): string {
  const [scope = '', bare = ''] = name.split('/')
  return scope.startsWith('@') ? `${scope}/${bare}` : scope
}
