/**
 * The version before, for tests of upgrades: its chart, and its images in the node of a cluster. It is packed from the history of
 * this checkout by the program that packed it then; where there is no history, today's images stand in for it under its name.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Cluster, outputOf } from './cluster.ts'
import { CHART, CHECKOUT } from './installer.ts'

/** Until there is a release: the first commit whose whole suite was run in a cluster. */
const BEFORE_RELEASES = 'a982425'
/** By which the images of the version before are told from today's. */
export const PREVIOUS_TAG = 'previous'

export interface PreviousVersion {
  /** Of which commit or release it is. */
  readonly of: string
  readonly chart: string
  remove(): void
}

/** Resolves once a node of the cluster has its images. */
export async function previousVersion(cluster: Cluster, name: string): Promise<PreviousVersion> {
  const folder = mkdtempSync(join(tmpdir(), 'smi-previous-'))
  const remove = () => rmSync(folder, { recursive: true })
  try {
    const of = unpacked(folder)
    const images = join(of === undefined ? CHECKOUT : folder, '.cluster', 'images')
    for (const image of ['operator', 'proxy']) await brought(cluster, name, join(images, `${image}.tar`), image)
    return { of: of ?? 'no older commit', chart: of === undefined ? CHART : join(folder, 'helm', 'smi-mesh'), remove }
  } catch (error) {
    remove()
    throw error
  }
}

/** The last release, or what stands for it, with its images packed; undefined where the history is not there. */
function unpacked(folder: string): string | undefined {
  const git = (...words: string[]) =>
    execFileSync('git', ['-C', CHECKOUT, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  const releases = () => git('tag', '--merged', 'HEAD', '--sort=-version:refname', '--list', 'v*').split('\n')
  let of: string
  try {
    of = releases().find(tag => tag !== '') ?? BEFORE_RELEASES
    const archive = join(folder, 'sources.tar')
    git('archive', '--output', archive, of)
    execFileSync('tar', ['--extract', '--file', archive, '--directory', folder])
  } catch {
    return undefined
  }
  for (const shared of ['node_modules', '.tools']) symlinkSync(join(CHECKOUT, shared), join(folder, shared))
  const generated = 'dataplane/src/proto/gen' // from the same descriptors
  if (!existsSync(join(folder, generated))) {
    mkdirSync(join(folder, 'dataplane/src/proto'), { recursive: true })
    cpSync(join(CHECKOUT, generated), join(folder, generated), { recursive: true })
  }
  const recipes = join(folder, 'conformance/cluster/images/recipes.json')
  writeFileSync(
    recipes,
    readFileSync(recipes, 'utf8').replace(/(smi-mesh\/(?:operator|proxy)):dev/g, `$1:${PREVIOUS_TAG}`),
  )
  const pack = join(folder, 'conformance/cluster/images/pack.ts')
  execFileSync(process.execPath, [pack, 'operator', 'proxy'], { stdio: ['ignore', 'ignore', 'inherit'] })
  return of
}

async function brought(cluster: Cluster, name: string, archive: string, image: string): Promise<void> {
  const ctr = (...words: readonly string[]) => {
    const socket = `/run/smi-mesh/${name}/node-1/containerd.sock`
    const program = join(CHECKOUT, '.tools/bin/ctr')
    return outputOf(cluster.inNode(program, ['-a', socket, '-n', 'k8s.io', 'images', ...words]))
  }
  const as = (tag: string) => `localhost/smi-mesh/${image}:${tag}`
  const isOld = !archive.startsWith(CHECKOUT)
  if (isOld) await ctr('import', '--local', archive)
  else await ctr('tag', as('dev'), as(PREVIOUS_TAG))
}
