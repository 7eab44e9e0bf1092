/**
 * Pods as the kernel sees them: network namespaces on a bridge, in a namespace of the test's own without any way out. Their
 * processes run as different users, with the folders of a pod mounted where a kubelet would.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'

/** Why such tests cannot run here; undefined where they can. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root'
  const others = Object.keys(networkInterfaces()).filter(name => name !== 'lo')
  return others.length > 0 ? 'this namespace has a way out: run npm run test:netns' : undefined
}

export const BRIDGE = { ipv4: '10.77.0.1', ipv6: 'fd77::1' }
export const PROXY_USER = 15_000
const PROXY_GROUP = 15_461
export const APPLICATION_USER = 1_000

function ip(...words: readonly string[]): void {
  execFileSync('ip', [...words])
}

/** Names of namespaces and links are the machine's, and those of a pod before may still be going. */
let made = 0

export class Network {
  readonly #pods: NetworkPod[] = []

  constructor() {
    ip('link', 'set', 'lo', 'up')
    ip('link', 'add', 'br0', 'type', 'bridge')
    ip('addr', 'add', `${BRIDGE.ipv4}/16`, 'dev', 'br0')
    ip('addr', 'add', `${BRIDGE.ipv6}/64`, 'dev', 'br0', 'nodad')
    ip('link', 'set', 'br0', 'up')
  }

  pod(name: string, index: number): NetworkPod {
    const pod = new NetworkPod(name, `smi-${process.pid}-${made++}`, `10.77.0.${index}`, `fd77::${index}`)
    this.#pods.push(pod)
    return pod
  }

  close(): void {
    for (const pod of this.#pods) pod.close()
    ip('link', 'del', 'br0')
  }
}

export class NetworkPod {
  readonly name: string
  readonly ipv4: string
  readonly ipv6: string
  readonly run: string
  readonly identity: string
  readonly #namespace: string
  readonly #folder: string
  readonly #children: ChildProcess[] = []

  constructor(name: string, namespace: string, ipv4: string, ipv6: string) {
    this.name = name
    this.ipv4 = ipv4
    this.ipv6 = ipv6
    this.#namespace = namespace
    this.#folder = mkdtempSync(join(tmpdir(), 'smi-netns-'))
    chmodSync(this.#folder, 0o755)
    this.run = join(this.#folder, 'run')
    this.identity = join(this.#folder, 'identity')
    for (const folder of [this.run, this.identity]) mkdirSync(folder)
    chmodSync(this.run, 0o777)
    this.#connect()
  }

  #connect(): void {
    const namespace = this.#namespace
    const outside = namespace.replace('smi-', 'v')
    ip('netns', 'add', namespace)
    ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    ip('link', 'set', outside, 'master', 'br0', 'up')
    for (const words of [
      ['link', 'set', 'lo', 'up'],
      ['addr', 'add', `${this.ipv4}/16`, 'dev', 'eth0'],
      ['addr', 'add', `${this.ipv6}/64`, 'dev', 'eth0', 'nodad'],
      ['link', 'set', 'eth0', 'up'],
      ['route', 'add', 'default', 'via', BRIDGE.ipv4],
      ['-6', 'route', 'add', 'default', 'via', BRIDGE.ipv6],
    ]) {
      ip('-n', namespace, ...words)
    }
  }

  /** Command and words with which a program runs in the pod as a user. */
  #inside(user: number, words: readonly string[], group = user === PROXY_USER ? PROXY_GROUP : user): readonly string[] {
    const mounts =
      'mount -t tmpfs none /run && mkdir -p /run/smi-mesh /run/secrets/smi-mesh.dev && ' +
      'mount --bind "$1" /run/smi-mesh && mount --bind "$2" /var/run/secrets/smi-mesh.dev && shift 2 && exec "$@"'
    const become =
      user === 0
        ? []
        : ['setpriv', '--reuid', String(user), '--regid', String(group), '--clear-groups', '--bounding-set', '-all']
    return ['netns', 'exec', this.#namespace, 'sh', '-c', mounts, 'sh', this.run, this.identity, ...become, ...words]
  }

  /** What was started, in order. */
  children(): readonly ChildProcess[] {
    return this.#children
  }

  /** Ends within seconds. */
  exec(user: number, words: readonly string[], env: Readonly<Record<string, string>> = {}, group?: number) {
    const { status, stdout, stderr } = spawnSync('ip', this.#inside(user, words, group), {
      encoding: 'utf8',
      timeout: 20_000,
      env: { ...process.env, ...env },
    })
    return { status, stdout, stderr }
  }

  start(user: number, words: readonly string[], log: string): ChildProcess {
    const path = join(this.#folder, log)
    writeFileSync(path, '')
    const shell = ['sh', '-c', 'exec "$@" >>"$0" 2>&1', path, ...words]
    chmodSync(path, 0o666)
    const child = spawn('ip', this.#inside(user, shell), { stdio: 'ignore' })
    this.#children.push(child)
    return child
  }

  log(name: string): string {
    return execFileSync('cat', [join(this.#folder, name)], { encoding: 'utf8' })
  }

  /** A request of the application, or of somebody else in the pod. */
  curl(url: string, ...words: readonly string[]) {
    return this.#curlAs(APPLICATION_USER, url, words)
  }

  curlAs(user: number, url: string, group?: number) {
    return this.#curlAs(user, url, [], group)
  }

  #curlAs(user: number, url: string, words: readonly string[], group?: number) {
    const format = '\n%{http_code}'
    const command = ['curl', '-s', '--noproxy', '*', '-m', '3', '-w', format, ...words, url]
    const { stdout } = this.exec(user, command, {}, group)
    const end = stdout.lastIndexOf('\n')
    return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) }
  }

  close(): void {
    for (const child of this.#children) child.kill('SIGKILL')
    ip('netns', 'del', this.#namespace)
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
