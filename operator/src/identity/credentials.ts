/**
 * Credentials for the stream between proxies and the control plane, renewed without a restart on either side.
 * Knows gRPC's way of replacing a server's certificate, and Envoy's way of reading a secret from a file again.
 */
import { basename } from 'node:path'
import { experimental, type ServerCredentials } from '@grpc/grpc-js'
import { type CredentialFiles, credentialFiles } from '@smi-mesh/dataplane/envoy'
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
 * Each secret is one file and holds its PEM text: replaced as a whole, so that a proxy never sees a certificate with
 * another one's key.
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

  /** Roots first: a proxy may trust too much for a moment, never too little. */
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
    if (this.#bundle !== undefined && this.#bundle !== this.#writtenBundle) {
      this.#replace(this.files.rootsDescription, rootsSecret(this.#bundle))
      this.#writtenBundle = this.#bundle
    }
    if (this.#certificate !== undefined && this.#certificate !== this.#writtenCertificate) {
      this.#replace(this.files.identityDescription, identitySecret(this.#certificate))
      this.#writtenCertificate = this.#certificate
    }
  }

  #replace(path: string, resource: object): void {
    this.#directory.replace(basename(path), `${JSON.stringify({ resources: [resource] })}\n`, { durable: false })
  }
}

const SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret'

function identitySecret({ chain, privateKey }: IdentityCertificate): object {
  const certificate = {
    certificate_chain: { inline_string: chain },
    private_key: { inline_string: privateKey.reveal() },
  }
  return { '@type': SECRET, name: 'xds-identity', tls_certificate: certificate }
}

function rootsSecret({ roots }: TrustBundle): object {
  return { '@type': SECRET, name: 'xds-roots', validation_context: { trusted_ca: { inline_string: roots.join('') } } }
}
