/**
 * A mesh that signs with an authority of others, kept in a Secret as cert-manager keeps one: it makes none of its own, reads no
 * other Secret, and goes over to another root as that Secret is changed, in the order that `docs/design/identity.md` asks for.
 * A client asks all the time, and not one of its requests may fail.
 */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cluster, startCluster } from './harness/cluster.ts'
import { CHART, type Installer, installer, VALUES } from './harness/installer.ts'
import { LoadFollower, loadManifest } from './harness/load.ts'
import { SHOP, serverManifest } from './harness/shop.ts'
import { until } from './harness/until.ts'

const RATE = 40
/** A kubelet brings a changed Secret within two minutes, and nobody signs below a new root for three. */
const CHANGE_MS = 360_000
const ACCOUNT = 'system:serviceaccount:smi-mesh:smi-mesh'

describe('a mesh with an authority of others', { timeout: 850_000 }, () => {
  let cluster: Cluster
  let helm: Installer['helm']
  let load: LoadFollower
  const made = authorities()

  before(async () => {
    cluster = await startCluster({ name: 'test-authority', level: 'full' })
    ;({ helm } = installer(cluster.kubeconfig))
    await cluster.kubectl(['create', 'namespace', 'smi-mesh'])
  })
  after(async () => {
    load?.stop()
    await cluster?.stop()
  })

  /** The Secret as others keep it. */
  const provide = async (signer: Authority, roots: readonly Authority[]) => {
    const stringData = {
      'tls.crt': signer.certificate,
      'tls.key': signer.key,
      'ca.crt': roots.map(({ certificate }) => certificate).join(''),
    }
    const metadata = { name: 'company-ca', namespace: 'smi-mesh' }
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', stringData }
    await cluster.kubectl(['apply', '-f', '-'], JSON.stringify(secret))
  }
  /** What each replica says of itself: each has read the Secret on its own. */
  const told = async (): Promise<readonly (readonly Told[])[]> => {
    const words = ['-n', 'smi-mesh', 'get', 'pods', '-l', 'app.kubernetes.io/component=operator', '-o', 'name']
    const pods = (await cluster.kubectl(words)).split('\n').filter(Boolean)
    const asked = ['-c', 'operator', '--', 'smictl', 'certificates', '-o', 'json']
    const answers = pods.map(async pod => cluster.kubectl(['-n', 'smi-mesh', 'exec', pod, ...asked]))
    return (await Promise.all(answers)).map(text => JSON.parse(text).certificates)
  }
  const rolesBecome = async (expected: Readonly<Record<string, string>>) =>
    until(
      `the roots are ${JSON.stringify(expected)}`,
      async () => {
        const roles = (await told()).map(certificates => JSON.stringify(rolesOf(certificates, made)))
        return (roles.length === 2 && roles.every(one => one === JSON.stringify(expected))) || roles.join(' and ')
      },
      CHANGE_MS,
    )
  const isUnharmed = async (t: { diagnostic(text: string): void }) => {
    const enough = load.seen.sent + 2 * RATE
    await until('requests go on', async () => load.seen.sent >= enough || `${load.seen.sent} were sent`)
    t.diagnostic(`${load.seen.sent} requests so far`)
    assert.deepEqual(load.seen.failed, [])
  }
  const inShop = (...words: readonly string[]) => cluster.kubectl(['-n', 'shop', ...words])

  test('signs with it, makes none of its own, and may read no other Secret', async () => {
    await provide(made.first, [made.first])
    const values = 'authority.secretName=company-ca,operator.replicas=2,mesh.certificateTtl=2m'
    await helm('install', 'smi-mesh', CHART, '--values', VALUES, '--set', values, '--wait', '--timeout', '150s')
    await cluster.kubectl(['apply', '-f', '-'], `${SHOP}${serverManifest('web')}`)
    await cluster.kubectl(['apply', '-f', '-'], loadManifest('shop', 'http://web/', RATE))
    for (const name of ['web', 'load']) await inShop('rollout', 'status', `deployment/${name}`, '--timeout=110s')
    await rolesBecome({ first: 'signing' })
    const secrets = await cluster.kubectl(['-n', 'smi-mesh', 'get', 'secrets', '-o', 'name'])
    assert.deepEqual(secrets.split('\n').filter(Boolean).sort(), [
      'secret/company-ca',
      'secret/sh.helm.release.v1.smi-mesh.v1',
    ])
    const may = cluster.kubectl(['auth', 'can-i', 'get', 'secrets', '-n', 'smi-mesh', '--as', ACCOUNT])
    await assert.rejects(may, /no/)
  })

  test('publishes its root, and no other, to the namespaces of the mesh', async () => {
    const roots = await inShop('get', 'configmap', 'smi-mesh-trust', '-o', 'jsonpath={.data.roots\\.pem}')
    assert.equal(new X509Certificate(roots).fingerprint256, new X509Certificate(made.first.certificate).fingerprint256)
    assert.equal(roots.match(/BEGIN CERTIFICATE/g)?.length, 1)
  })

  test('goes over to an authority below another root, and lets go of the first, without a failed request', async t => {
    const [pod = ''] = (await inShop('get', 'pods', '-l', 'app=load', '-o', 'name')).split('\n')
    load = new LoadFollower(cluster.kubeconfig, 'shop', pod)
    await isUnharmed(t)
    await provide(made.first, [made.first, made.second])
    await rolesBecome({ first: 'signing', second: 'trusted' })
    await isUnharmed(t)
    await provide(made.below, [made.first, made.second])
    await rolesBecome({ first: 'trusted', second: 'trusted', below: 'signing' })
    const since = Date.now()
    await until(
      'all certificates are of the new one',
      async () => (await told()).flat().every(one => one.kind === 'root' || Date.parse(one.issued ?? '') > since),
      CHANGE_MS,
    )
    await isUnharmed(t)
    await provide(made.below, [made.second])
    await rolesBecome({ second: 'trusted', below: 'signing' })
    await isUnharmed(t)
  })
})

interface Authority {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

type Authorities = Readonly<Record<'first' | 'second' | 'below', Authority>>

/** One of `smictl certificates`. */
interface Told {
  readonly kind: string
  readonly role?: string
  readonly issued?: string
  readonly expires?: string
}

/** What each of them is said to be, where it is known at all: `{ first: 'signing' }`. */
function rolesOf(told: readonly Told[], made: Authorities): Readonly<Record<string, string>> {
  const roles = told.filter(({ kind }) => kind === 'root')
  const known = Object.entries(made).flatMap(([name, { certificate }]) => {
    const found = roles.find(({ expires = '' }) => Date.parse(expires) === endOf(certificate))
    return found?.role === undefined ? [] : [[name, found.role] as const]
  })
  assert.equal(known.length, roles.length, JSON.stringify(roles))
  return Object.fromEntries(known)
}

function endOf(certificate: string): number {
  return new X509Certificate(certificate).validToDate.getTime()
}

/** Two roots that sign for themselves, and an authority below the second one. Each ends on another day. */
function authorities(): Authorities {
  const folder = mkdtempSync(join(tmpdir(), 'smi-provided-'))
  const issue = (name: string, days: number, signer: readonly string[] = []): Authority => {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', `${days}`, '-subj', `/CN=${name}`]
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    const uses = ['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign']
    execFileSync('openssl', ['req', '-x509', '-nodes', ...key, ...files, ...signer, ...uses], {
      cwd: folder,
      stdio: 'pipe',
    })
    const read = (extension: string) => readFileSync(join(folder, `${name}.${extension}`), 'utf8')
    return { certificate: read('crt'), key: read('key') }
  }
  try {
    return {
      first: issue('first', 30),
      second: issue('second', 90),
      below: issue('below', 60, ['-CA', 'second.crt', '-CAkey', 'second.key']),
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
