/**
 * The pages for people with a cluster, followed word by word: every command of theirs is run, in order, in a cluster of its own, and
 * what a page says that it prints must be what it prints.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { readPage } from '../../operator/test/markdown.ts'
import { isShown, type ShownCommand, shownCommands } from '../../operator/test/shell-block.ts'
import { type Cluster, outputOf, startCluster } from './harness/cluster.ts'
import { CHECKOUT } from './harness/installer.ts'
import { until } from './harness/until.ts'

const NAME = 'test-docs'
const PATIENCE_MS = 300_000
/** The cluster is the test's own, images are made elsewhere, and what asks no cluster is run with the other pages. */
const NOT_HERE = /^(?:make|export|docker|curl|operator\/bin\/smictl|smictl (?:can|validate|explain)) /
/** Goes on until it is ended. */
const LASTING = / port-forward /

describe('a reader with a cluster', { timeout: 850_000 }, () => {
  let cluster: Cluster
  let folder = ''
  const lasting: ChildProcess[] = []

  before(async () => {
    cluster = await startCluster({ name: NAME, level: 'full' })
    for (const image of ['operator', 'proxy']) await released(cluster, image)
    folder = mkdtempSync(join(tmpdir(), 'smi-docs-'))
    for (const name of ['operator', 'conformance', 'helm']) symlinkSync(join(CHECKOUT, name), join(folder, name))
    symlinkSync(join(CHECKOUT, 'operator/examples/shop'), join(folder, 'shop'))
  })
  after(async () => {
    for (const child of lasting) child.kill()
    if (folder !== '') rmSync(folder, { recursive: true })
    await cluster?.stop()
  })

  const environment = () => {
    const programs = [join(CHECKOUT, '.tools/bin'), join(CHECKOUT, 'operator/bin'), process.env['PATH'] ?? '']
    return { ...process.env, KUBECONFIG: cluster.kubeconfig, PATH: programs.join(delimiter) }
  }
  const followed = async ({ text, output }: ShownCommand) => {
    if (LASTING.test(text)) return begun(text)
    const { said, status } = await ran(text, folder, environment())
    // that something was found is an answer of smictl, and of others an error
    assert.ok(status === 0 || (status === 1 && text.startsWith('smictl')), `It ended with ${status}:\n${said}`)
    if (output !== undefined) await shown(text, output, said)
  }
  const begun = async (text: string) => {
    const child = spawn('bash', ['-c', `exec ${text}`], {
      cwd: folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    lasting.push(child)
    let said = ''
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      said += more
    })
    await until('it serves', async () => /Forwarding from/.test(said))
  }
  /** Where a share of requests goes another way, it may take some attempts. */
  const shown = (text: string, output: string, first: string) => {
    let said = first
    return until(`it prints what the page shows: ${output}`, async () => {
      if (isShown(output, said)) return true
      said = (await ran(text, folder, environment())).said
      return said
    })
  }
  const follows = (page: string, from: string, to: string) => {
    for (const command of commandsOf(page, from, to)) {
      test(`${page} says: ${command.text}`, () => followed(command))
    }
  }

  describe('begins with the quickstart', () => follows('docs/quickstart.md', '## 9. ', 'Take it all away'))
  describe('looks for a mistake', () => follows('docs/guides/troubleshooting.md', '# ', '## What does not'))
  describe('upgrades, and goes back', () => follows('docs/guides/upgrade.md', '# ', '## From definitions'))
  describe('ends the quickstart', () => follows('docs/quickstart.md', 'Take it all away', 'Go on with'))
  describe('installs a mesh to stay', () => {
    follows('docs/guides/install.md', '# ', 'Helm alone does as well; then')
    follows('docs/guides/install.md', 'Helm alone does as well; then', '## Let a namespace join')
    test('has a shop', async () => {
      const fresh =
        'kubectl annotate namespace shop smi-mesh.dev/access- && kubectl label namespace shop smi-mesh.dev/inject-'
      assert.equal((await ran(`${APPLIED} && ${fresh}`, folder, environment())).status, 0)
    })
    follows('docs/guides/install.md', '## Let a namespace join', '## Values')
    follows('docs/guides/install.md', '## Uninstall', 'Your SMI objects stay')
  })
  describe('comes back to definitions that are there', () =>
    follows('docs/guides/upgrade.md', '## From definitions', '\u0000'))
})

const APPLIED =
  "kubectl kustomize operator/examples | sed 's|image: node:24|image: localhost/smi-mesh-test/echo:1|' | kubectl apply -f -"

/** Commands of the part of a page between two texts. */
function commandsOf(page: string, from: string, to: string): readonly ShownCommand[] {
  const text = readFileSync(join(CHECKOUT, page), 'utf8')
  const start = text.indexOf(from)
  const end = text.indexOf(to, start + 1)
  assert.ok(start >= 0, `${page} has no "${from}".`)
  const shell = readPage(text.slice(start, end < 0 ? text.length : end)).fences.filter(
    ({ language }) => language === 'sh' || language === 'console',
  )
  const commands = shell.flatMap(shownCommands)
  assert.ok(commands.length > 0, `${page}: no commands after "${from}".`)
  return commands.filter(({ text: command }) => !NOT_HERE.test(command))
}

/** Under the names that a release has, which the chart asks for by itself. */
async function released(cluster: Cluster, image: string): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8'))
  const ctr = [join(CHECKOUT, '.tools/bin/ctr'), '-a', `/run/smi-mesh/${NAME}/node-1/containerd.sock`, '-n', 'k8s.io']
  const names = [
    `localhost/smi-mesh/${image}:dev`,
    ...['docker.io', 'localhost'].map(at => `${at}/smi-mesh/${image}:${version}`),
  ]
  const [program = '', ...words] = [...ctr, 'images', 'tag', ...names]
  await outputOf(cluster.inNode(program, words))
}

interface Ran {
  readonly said: string
  readonly status: number
}

function ran(text: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>()
  const words = ['-o', 'pipefail', '-c', text]
  execFile('bash', words, { cwd, env, timeout: PATIENCE_MS, maxBuffer: 16 << 20 }, (error, said, complained) => {
    const status = error === null ? 0 : Number(error.code ?? -1)
    resolve({ said: `${said}${complained}`, status })
  })
  return promise
}
