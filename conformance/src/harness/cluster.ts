/**
 * A Kubernetes for a test: one of our own on this machine, or one that its user points at. What was started here ends
 * with whoever started it, in whatever way that ends. Knows the scripts of `conformance/cluster`, and no Kubernetes API.
 */
import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'

export interface ClusterStart {
  /** Clusters of different names run side by side. */
  readonly name: string
  /** `api`: etcd, API server and controllers, in seconds and without containers. `full`: pods, Services and DNS as well. */
  readonly level: 'api' | 'full'
  readonly nodes?: 1 | 2
  /** Nodes that exist in the API alone (kwok), for many pods that nobody runs. */
  readonly fakeNodes?: number
  /** A cluster of the user's: nothing is started, and there is no node to run anything in. */
  readonly kubeconfig?: string | undefined
}

export interface Cluster {
  /** Good for every client on this machine. */
  readonly kubeconfig: string
  /** The output of kubectl; rejects with what it said instead. */
  kubectl(args: readonly string[], input?: string): Promise<string>
  /** Starts a program in the network of the first node, from where pods and Services can be reached. */
  inNode(command: string, args: readonly string[], options?: SpawnOptions): ChildProcess
  stop(): Promise<void>
}

const CHECKOUT = resolve(import.meta.dirname, '../../..')
const SCRIPTS = join(CHECKOUT, 'conformance', 'cluster')
/** A cold kubectl on a busy machine takes seconds; what takes longer hangs. */
const KUBECTL_MS = 120_000

/** Resolves when the cluster can be used; rejects with what the scripts said. */
export async function startCluster(start: ClusterStart): Promise<Cluster> {
  if (start.kubeconfig !== undefined && start.kubeconfig !== '') return foreign(start.kubeconfig)
  const { name, level, nodes = 1, fakeNodes = 0 } = start
  if (existsSync(initOf(name))) {
    throw new Error(`A cluster named ${name} is running already: end it with make cluster-down CLUSTER=${name}.`)
  }
  const guard = standGuard(name)
  const environment = { ...process.env, CLUSTER: name }
  const flags = ['--level', level, '--nodes', String(nodes), '--kwok', String(fakeNodes)]
  try {
    await output(join(SCRIPTS, 'up.sh'), flags, { env: environment })
  } catch (error) {
    await guard.stop()
    throw error
  }
  const kubeconfig = join(CHECKOUT, '.cluster', name, 'kubeconfig')
  return {
    kubeconfig,
    kubectl: kubectlOf(kubeconfig),
    inNode: (command, args, options = {}) => {
      const [init = ''] = readFileSync(initOf(name), 'utf8').split(' ')
      return spawn('nsenter', ['--target', init, '--net', '--', command, ...args], options)
    },
    stop: guard.stop,
  }
}

/** All that a child has written, once it has ended; rejects with its errors if it didn't end well. */
export async function outputOf(child: ChildProcess): Promise<string> {
  let said = ''
  let complained = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complained += text
  })
  const [status, signal] = await once(child, 'close')
  if (status === 0) return said
  throw new Error(`${child.spawnargs.join(' ')}: ended with ${status ?? signal}.\n${complained}${said}`)
}

function foreign(kubeconfig: string): Cluster {
  return {
    kubeconfig,
    kubectl: kubectlOf(kubeconfig),
    inNode: () => {
      throw new Error('This test needs a node of its own, which a cluster of yours has not: run it without KUBECONFIG.')
    },
    stop: async () => {},
  }
}

/**
 * A process of a session of its own that ends the cluster as soon as its input does: when asked to, and just as well when
 * this process is interrupted or killed.
 */
function standGuard(name: string): { stop(): Promise<void> } {
  const guard = spawn('bash', ['-c', 'cat >/dev/null; exec "$0"', join(SCRIPTS, 'down.sh')], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...process.env, CLUSTER: name },
  })
  const ended = once(guard, 'close')
  return {
    stop: async () => {
      guard.stdin?.end()
      await ended
    },
  }
}

function initOf(name: string): string {
  return `/run/smi-mesh/${name}/node-1/pids/init`
}

function kubectlOf(kubeconfig: string): Cluster['kubectl'] {
  const tools = join(CHECKOUT, '.tools', 'bin')
  const env = { ...process.env, KUBECONFIG: kubeconfig, PATH: `${tools}${delimiter}${process.env['PATH'] ?? ''}` }
  return (args, input) => output('kubectl', args, { env, timeout: KUBECTL_MS }, input)
}

interface Running {
  readonly env: NodeJS.ProcessEnv
  readonly timeout?: number
}

function output(command: string, args: readonly string[], running: Running, input?: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const options = { ...running, maxBuffer: 64 * 2 ** 20, killSignal: 'SIGKILL' } as const
  const child = execFile(command, args, options, (error, said, complained) => {
    if (error === null) resolve(said)
    else reject(new Error(`${command} ${args.join(' ')}: ${complained}${said}`.trim(), { cause: error }))
  })
  child.stdin?.end(input)
  return promise
}
