/**
 * Credentials for the stream between proxies and the control plane, renewed without a restart on either side.
 * Knows gRPC's way of replacing a server's certificate, and Envoy's way of reading a secret from a file again.
 */
import { basename } from 'node:path'
import { experimental, type ServerCredentials } from '@grpc/grpc-js'
import { type CredentialFiles, credentialDescriptions, credentialFiles } from '@smi-mesh/dataplane/envoy'
import { type IdentityCertificate, type SpiffeId, spiffeId, type TrustBundle } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../mesh-error.ts'
import type { Issuer, SetTimer } from './issuer.ts'
import { type FileOperations, PrivateDirectory } from './private-files.ts'

export type CredentialSource = Pick<Issuer, 'follow' | 'followBundle'>

/** Who the control plane is: the name that every proxy verifies it by. */
export function controlPlaneIdentity(trustDomain: string, namespace = 'smi-mesh'): SpiffeId {
  return spiffeId(trustDomain, { namespace, serviceAccount: 'control-plane' })
}

/** Credentials of a gRPC server that is `identity` and lets in whoever shows a certificate of the mesh. */
export function serverCredentials(source: CredentialSource, identity: SpiffeId): ServerCredentials {
  const provider = new Provider(source, identity)
  return experimental.createCertificateProviderServerCredentials(provider, provider, true)
}

/** Credentials of a gRPC server that is `identity` and asks nobody for a certificate: its callers prove themselves otherwise. */
export function tokenServerCredentials(source: CredentialSource, identity: SpiffeId): ServerCredentials {
  // Whatever the parameters are called in the library's types, the first gives the server's certificate, the second roots.
  return experimental.createCertificateProviderServerCredentials(new Provider(source, identity), null, false)
}

type CaListener = Parameters<experimental.CertificateProvider['addCaCertificateListener']>[0]
type IdentityListener = Parameters<experimental.CertificateProvider['addIdentityCertificateListener']>[0]

/** Hands every renewal to the server's listening sockets: new connections get it, open ones are left alone. */
class Provider implements experimental.CertificateProvider {
  readonly #source: CredentialSource
  readonly #identity: SpiffeId
  readonly #endings = new Map<CaListener | IdentityListener, () => void>()

  constructor(source: CredentialSource, identity: SpiffeId) {
    this.#source = source
    this.#identity = identity
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#begin(listener, () =>
      this.#source.followBundle(({ roots }) => listener({ caCertificate: Buffer.from(roots.join('')) })),
    )
  }

  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#begin(listener, () =>
      this.#source.follow(this.#identity, ({ chain, privateKey }) =>
        listener({ certificate: Buffer.from(chain), privateKey: Buffer.from(privateKey.reveal()) }),
      ),
    )
  }

  removeCaCertificateListener(listener: CaListener): void {
    this.#end(listener)
  }

  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#end(listener)
  }

  /** On the next turn, because gRPC listens for the outcome only after it has added us. */
  #begin(listener: CaListener | IdentityListener, follow: () => () => void): void {
    let ended = false
    this.#endings.set(listener, () => {
      ended = true
    })
    process.nextTick(() => {
      if (!ended) this.#endings.set(listener, follow())
    })
  }

  #end(listener: CaListener | IdentityListener): void {
    this.#endings.get(listener)?.()
    this.#endings.delete(listener)
  }
}

/** What happens while files of proxies are kept. */
export type CredentialEvent =
  | { readonly kind: 'credentialsFailed'; readonly folder: string; readonly first: boolean; readonly error: MeshError }
  | { readonly kind: 'credentialsRecovered'; readonly folder: string }

export interface CredentialFoldersOptions {
  readonly source: CredentialSource
  readonly setTimer: SetTimer
  readonly onEvent: (event: CredentialEvent) => void
  readonly operations?: FileOperations
}

const RETRY_MS = 5_000

/**
 * Keeps, for every proxy that runs beside the control plane, a folder with what its bootstrap needs to open the stream.
 * Certificate, key and roots are replaced as one, so that a proxy never reads a certificate with another one's key. They
 * are PEM files with a description beside them: a key inside the description would be in Envoy's debug log.
 */
export class CredentialFolders {
  readonly #options: CredentialFoldersOptions
  readonly #folders = new Map<string, Folder>()

  constructor(options: CredentialFoldersOptions) {
    this.#options = options
  }

  /** Fills the folder before it returns, and renews what is in it until `forget`. Throws a MeshError where it cannot. */
  keep(path: string, identity: SpiffeId): CredentialFiles {
    this.forget(path)
    const folder = new Folder(path, identity, this.#options)
    this.#folders.set(path, folder)
    const obstacle = folder.obstacle()
    if (obstacle === undefined) return folder.files
    this.forget(path)
    throw obstacle
  }

  /** Leaves the files where they are: the folder belongs to whoever named it. */
  forget(path: string): void {
    this.#folders.get(path)?.stop()
    this.#folders.delete(path)
  }

  stop(): void {
    for (const path of [...this.#folders.keys()]) this.forget(path)
  }
}

class Folder {
  readonly files: CredentialFiles
  readonly #identity: SpiffeId
  readonly #options: CredentialFoldersOptions
  readonly #directory: PrivateDirectory
  readonly #endings: (() => void)[] = []
  #bundle: TrustBundle | undefined
  #certificate: IdentityCertificate | undefined
  #writtenBundle: TrustBundle | undefined
  #writtenCertificate: IdentityCertificate | undefined
  #failure: MeshError | undefined
  #cancelRetry: (() => void) | undefined

  constructor(path: string, identity: SpiffeId, options: CredentialFoldersOptions) {
    this.files = credentialFiles(path)
    this.#identity = identity
    this.#options = options
    this.#directory = new PrivateDirectory(path, options.operations)
    this.#endings.push(
      options.source.followBundle(bundle => {
        this.#bundle = bundle
        this.#write()
      }),
      options.source.follow(identity, certificate => {
        this.#certificate = certificate
        this.#write()
      }),
    )
  }

  /** Why the files are not what they should be; undefined where they are. */
  obstacle(): MeshError | undefined {
    if (this.#failure !== undefined || this.#certificate !== undefined) return this.#failure
    return new MeshError('SigningPaused', `There is no certificate for ${this.#identity} yet; it is tried again soon.`)
  }

  stop(): void {
    this.#cancelRetry?.()
    for (const end of this.#endings) end()
  }

  #write(): void {
    const { onEvent, setTimer } = this.#options
    const folder = this.files.folder
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    try {
      this.#writeChanged()
      if (this.#failure !== undefined) onEvent({ kind: 'credentialsRecovered', folder })
      this.#failure = undefined
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      onEvent({ kind: 'credentialsFailed', folder, first: this.#failure === undefined, error })
      this.#failure = error
      this.#cancelRetry = setTimer(() => this.#write(), RETRY_MS)
    }
  }

  #writeChanged(): void {
    const bundle = this.#bundle
    const certificate = this.#certificate
    if (bundle === undefined || certificate === undefined) return
    if (bundle === this.#writtenBundle && certificate === this.#writtenCertificate) return
    const { files } = this
    this.#directory.replaceTogether({
      [basename(files.certificate)]: certificate.chain,
      [basename(files.privateKey)]: certificate.privateKey.reveal(),
      [basename(files.roots)]: bundle.roots.join(''),
    })
    if (this.#writtenBundle === undefined) this.#describe()
    this.#writtenBundle = bundle
    this.#writtenCertificate = certificate
  }

  /** Last of all, and once: what they describe is there by then, and they say nothing that ever changes. */
  #describe(): void {
    for (const [path, description] of credentialDescriptions(this.files)) {
      this.#directory.replace(basename(path), `${JSON.stringify(description)}\n`, { durable: false })
    }
  }
}
