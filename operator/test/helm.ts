/** Helm and the chart, for tests: where they are, and what the chart renders. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './documentation.ts'

export const CHART = join(ROOT, 'helm/smi-mesh')

/** What HELM names, what `make cluster-tools` built, or what is on the PATH; undefined where there is none. */
export function findHelm(): string | undefined {
  return [process.env['HELM'] ?? '', join(ROOT, '.tools/bin/helm'), 'helm'].filter(Boolean).find(answers)
}

function answers(program: string): boolean {
  if (program.includes('/') && !existsSync(program)) return false
  try {
    execFileSync(program, ['version', '--short'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Objects of an installation in namespace `smi-mesh`. Of a definition only what the chart adds to it. */
export function render(helm: string, values: string, kubernetes = '1.36.0'): string {
  const words = ['template', 'smi-mesh', CHART, '--namespace', 'smi-mesh', '--kube-version', kubernetes, '-f', values]
  return execFileSync(helm, words, { encoding: 'utf8', maxBuffer: 16 << 20 })
    .split(/^---\n/m)
    .map(text =>
      /^kind: CustomResourceDefinition$/m.test(text) ? text.replace(/^ {2}group:[\s\S]*/m, '  # …\n') : text,
    )
    .join('---\n')
}
