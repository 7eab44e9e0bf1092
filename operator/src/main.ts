/** The process behind `smi-mesh`: the only place below which nothing looks at environment, clock, chance or signals. */
import { hostname } from 'node:os'
import { KINDS } from '@smi-mesh/smi-crds'
import { Command, CommanderError } from 'commander'
import { type ClusterRuntimeOptions, startClusterRuntime } from './cluster-runtime.ts'
import { type OperatorConfig, operatorCommand } from './config.ts'
import { canReview, secretStore, tokenReview, trustPart } from './identity/cluster/index.ts'
import { type AuthorityStore, controlPlaneIdentity, fileStores, tokenServerCredentials } from './identity/index.ts'
import { preferClassicalKeyExchange } from './key-exchange.ts'
import { clockDifference, connect, KubernetesClient, kubeconfigOf } from './kubernetes/index.ts'
import { MeshError } from './mesh-error.ts'
import { MeshOperator } from './operator.ts'
import { setTimer } from './real-timer.ts'
import { Announcer, announceStatus, StatusWriter } from './status/index.ts'
import { createLog, type Log, Metrics, reportCluster } from './telemetry/index.ts'
import { ownVersion } from './version.ts'
import { heldBackPart, serviceNames, webhookPart, webhooksOf } from './webhooks/index.ts'

/** Tokens of pods are made for this audience, and are worth nothing to any other service. */
const AUDIENCE = 'smi-mesh'
const ExitCode = { ok: 0, usage: 2, operational: 3 } as const

const ended = new AbortController()
/** From the beginning: who is told to end while the last thing begins would wait for ever to be told. */
const hasEnded = new Promise<void>(resolve => ended.signal.addEventListener('abort', () => resolve(), { once: true }))
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (ended.signal.aborted) process.exit(ExitCode.operational) // asked twice: whoever asks does not want to wait
    ended.abort(new Error(`Ended by ${signal}.`))
  })
}

preferClassicalKeyExchange()

const nature = {
  clock: Date.now,
  now: () => performance.now(),
  random: Math.random,
  setTimer,
}

async function operate(config: OperatorConfig): Promise<void> {
  const log = createLog({ write: line => process.stderr.write(line), now: Date.now, level: config.logLevel })
  const metrics = new Metrics()
  const events = reportCluster(log, metrics)
  const kubeconfig = kubeconfigOf(config.cluster)
  const client = new KubernetesClient(
    connect(kubeconfig, clockDifference({ clock: nature.clock, onChange: events.clock })),
  )
  const announcer = new Announcer({
    ...{ client, instance: config.identity, clock: nature.clock },
    onFailure: error => log.warn('event not written', { error }),
  })
  const statuses = new StatusWriter({
    ...nature,
    write: (update, signal) => operator.writeStatus(update, signal),
    onEvent: event => {
      events.status(event)
      if (event.kind === 'written') announceStatus(announcer, event)
    },
  })
  const ours = controlPlaneIdentity(config.mesh.trustDomain, config.namespace)
  const operator = new MeshOperator({
    kubeconfig,
    client,
    log,
    seen: (ref, object) => (object === undefined ? statuses.forget(ref) : statuses.see(ref, object)),
    run: async (kinds, signal) => {
      const runtime = await startClusterRuntime({
        ...{ config, client, kinds, statuses, log, metrics, events, nature, signal },
        authorityStore: authorityStoreOf(config, client),
        admission: admissionOf(config, client, log),
        webhookHost: serviceNames(config.namespace)[0],
        dnsNames: identity => (identity === ours ? serviceNames(config.namespace) : []),
        parts: [
          trustPart(CONVERTED),
          async context => webhookPart({ ...(await webhooksOf(config, client)), announcer })(context),
          heldBackPart,
        ],
      })
      log.info('serving', {
        xds: runtime.plane.xdsPort,
        health: runtime.healthPort,
        admin: runtime.adminPort,
        identity: config.identity,
      })
      return runtime
    },
  })
  ended.signal.addEventListener('abort', () => operator.stop(), { once: true })
  try {
    await operator.start()
    await hasEnded
    log.info('stopping')
    await operator.stopped()
  } finally {
    await announcer.stop()
    client.close()
  }
}

function authorityStoreOf({ stateDirectory, namespace }: OperatorConfig, client: KubernetesClient): AuthorityStore {
  return stateDirectory === undefined
    ? secretStore(client, { namespace, name: 'smi-mesh-authority' })
    : fileStores(stateDirectory).authority
}

/** Proxies prove themselves by the tokens of their pods, and we by a certificate of the mesh. */
function admissionOf(config: OperatorConfig, client: KubernetesClient, log: Log): ClusterRuntimeOptions['admission'] {
  const ours = controlPlaneIdentity(config.mesh.trustDomain, config.namespace)
  return ({ trustDomain }) => ({
    proof: {
      kind: 'token',
      reproof: { random: nature.random, canReview: canReview({ client, audience: AUDIENCE }, nature.now) },
      review: tokenReview({
        client,
        trustDomain,
        audience: AUDIENCE,
        onFailure: error => log.warn('token not verified', { error }),
      }),
    },
    credentials: issuer => tokenServerCredentials(issuer, ours),
  })
}

/** CRDs whose versions we convert. */
const CONVERTED = KINDS.filter(({ versions }) => versions.length > 1).map(({ plural, group }) => `${plural}.${group}`)

const program = new Command('smi-mesh')
  .description('A service mesh for Kubernetes from Service Mesh Interface objects.')
  .version(`smi-mesh ${ownVersion()}`, '-V, --version', 'print the version')
  .exitOverride()
program.addCommand(operatorCommand(process.env, hostname(), operate).exitOverride())

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeOf(error)
}

function exitCodeOf(error: unknown): number {
  if (ended.signal.aborted) return ExitCode.ok // told to end before it had begun
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.ok : ExitCode.usage
  if (!(error instanceof MeshError)) throw error
  process.stderr.write(`${error.message}\n`)
  return error.code === 'ConfigRefused' || error.code === 'AddressRefused' ? ExitCode.usage : ExitCode.operational
}
