/** Helm and `smictl` as users run them, against a cluster of a test. */
import { execFile } from 'node:child_process'
import { delimiter, join, resolve } from 'node:path'

export const CHECKOUT = resolve(import.meta.dirname, '../../..')
export const CHART = join(CHECKOUT, 'helm', 'smi-mesh')
/** By which the chart installs the images packed from the checkout. */
export const VALUES = join(CHECKOUT, 'conformance/cluster/manifests/mesh-values.yaml')
const TOOLS = join(CHECKOUT, '.tools', 'bin')
const PATIENCE_MS = 300_000

export interface Ran {
  readonly said: string
  readonly status: number
}

export interface Installer {
  /** Rejects where Helm does not end well. */
  helm(...words: readonly string[]): Promise<Ran>
  /** Rejects where it could not do its work; that it found something is an answer. */
  smictl(...words: readonly string[]): Promise<Ran>
}

export function installer(kubeconfig: string): Installer {
  return {
    helm: (...words) => ran('helm', [...words, '--namespace', 'smi-mesh'], kubeconfig),
    smictl: (...words) => ran(process.execPath, [join(CHECKOUT, 'operator/src/cli/main.ts'), ...words], kubeconfig),
  }
}

/** The chart of the checkout with the images packed from it, as the suite has it; resolves once the operator is ready. */
export async function installMesh(kubeconfig: string, withinSeconds: number): Promise<void> {
  const words = ['--create-namespace', '--values', VALUES, '--wait', '--timeout', `${withinSeconds}s`]
  await installer(kubeconfig).helm('install', 'smi-mesh', CHART, ...words)
}

function ran(program: string, words: readonly string[], kubeconfig: string): Promise<Ran> {
  const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: `${TOOLS}${delimiter}${process.env['PATH'] ?? ''}` }
  const { promise, resolve, reject } = Promise.withResolvers<Ran>()
  execFile(program, words, { env, timeout: PATIENCE_MS, maxBuffer: 16 << 20 }, (error, said, complained) => {
    if (error === null) resolve({ said: `${said}${complained}`, status: 0 })
    else if (error.code === 1 && program !== 'helm') resolve({ said: `${said}${complained}`, status: 1 })
    else reject(new Error(`${words.join(' ')}: ${complained}${said}`, { cause: error }))
  })
  return promise
}
