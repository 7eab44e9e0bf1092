/**
 * An authority that somebody else keeps: it signs with what a folder provides, and makes no root of its own. What is in the
 * folder is looked at anew at every look of the issuer, so a Secret that was replaced, or a file, is taken up within seconds.
 * Whatever cannot be used changes nothing: what was taken up before goes on.
 */
import type { SpiffeId, TrustBundle } from '@smi-mesh/dataplane/mesh'
import { MeshError } from '../mesh-error.ts'
import {
  type AuthorityOptions,
  lifetimesOf,
  type RootView,
  refuseForeign,
  type Signatory,
  type Signed,
} from './authority.ts'
import { type AuthorityTexts, type Provided, parseAuthorityFiles, readAuthorityFiles } from './authority-files.ts'
import { createLeaf } from './certificate.ts'
import { type Lifetimes, validAt } from './rotation.ts'

export interface ProvidedAuthorityOptions extends Pick<AuthorityOptions, 'trustDomain' | 'now' | 'leafMs' | 'skewMs'> {
  /** With `tls.crt`, `tls.key` and `ca.crt`. */
  readonly folder: string
}

/**
 * A root that is new to this replica may be unknown to the others for as long: each reads the Secret where its own node's kubelet has
 * mounted it, which looks every minute, through a cache of about another.
 */
const NEWS_MS = 180_000

export class ProvidedAuthority implements Signatory {
  readonly trustDomain: string
  readonly lifetimes: Lifetimes
  readonly #folder: string
  readonly #now: () => number
  readonly #followers = new Set<() => void>()
  /** What the folder held when it was last usable: what to trust, and who is to sign. */
  #texts: AuthorityTexts
  #provided: Provided
  /** When that was taken up. */
  #providedAt = 0
  /** Who signs. Not yet the one above, while its root may be news to a proxy. */
  #signing: Provided
  /** Who may have signed what is still in use, by id. */
  readonly #signers = new Map<string, Provided>()

  /** Throws a MeshError where the folder holds nothing that could sign now. */
  constructor({ trustDomain, folder, now, ...wanted }: ProvidedAuthorityOptions) {
    this.trustDomain = trustDomain
    this.lifetimes = lifetimesOf(wanted)
    this.#folder = folder
    this.#now = now
    this.#texts = readAuthorityFiles(folder)
    this.#provided = this.#usable(this.#texts)
    this.#signing = this.#provided
    this.#signers.set(this.#signing.id, this.#signing)
  }

  bundle(): TrustBundle {
    return { trustDomain: this.trustDomain, roots: this.#provided.roots.map(root => root.certificate).sort() }
  }

  /** Who signs, and what else is trusted, sorted by expiry. */
  roots(): readonly RootView[] {
    const { id, notBefore, notAfter } = this.#signing
    const others = this.#provided.roots.filter(root => root.id !== id)
    const trusted = others.map(root => ({
      id: root.id,
      role: 'trusted' as const,
      since: root.notBefore,
      notAfter: root.notAfter,
    }))
    return [{ id, role: 'signing' as const, since: notBefore, notAfter }, ...trusted].toSorted(
      (a, b) => a.notAfter - b.notAfter,
    )
  }

  trusted(id: string): string | undefined {
    const signer = this.#signers.get(id)
    return signer !== undefined && this.#isTrusted(signer) ? signer.certificate : undefined
  }

  /** Never beyond the end of the authority, nor of anything that it leads up to. */
  issue(identity: SpiffeId, dnsNames: readonly string[] = []): Signed {
    refuseForeign(identity, this.trustDomain)
    const now = this.#now()
    const signing = this.#signing
    const notAfter = Math.min(now + this.lifetimes.leafMs, signing.notAfter)
    if (!validAt(signing, now) || notAfter - now < 1000) throw new MeshError('RootUnusable', this.#outOfTime(signing))
    const notBefore = Math.max(now - this.lifetimes.skewMs, signing.notBefore)
    return { certificate: createLeaf(signing.signer, identity, { notBefore, notAfter }, dnsNames), root: signing.id }
  }

  /** Takes up what the folder holds. Rejects where that cannot be used, and keeps what was there. */
  async advance(bundleHeld: boolean): Promise<boolean> {
    const before = [this.#provided, this.#signing]
    try {
      // Judged before the folder is read: it says whether the bundle until now is held.
      if (this.#maySign(bundleHeld)) this.#sign(this.#provided)
      this.#takeUp(readAuthorityFiles(this.#folder))
    } catch (error) {
      if (!(error instanceof MeshError)) throw error
      throw new MeshError(error.code, `${error.message} The authority from before goes on signing.`, { cause: error })
    } finally {
      for (const [id, { notAfter }] of this.#signers) {
        if (notAfter <= this.#now() && id !== this.#signing.id) this.#signers.delete(id)
      }
      if (before[0] !== this.#provided || before[1] !== this.#signing) for (const tell of this.#followers) tell()
    }
    return before[0] !== this.#provided || before[1] !== this.#signing
  }

  follow(follower: () => void): () => void {
    this.#followers.add(follower)
    return () => this.#followers.delete(follower)
  }

  #takeUp(texts: AuthorityTexts): void {
    const { certificate, key, roots } = this.#texts
    if (texts.certificate === certificate && texts.key === key && texts.roots === roots) return
    this.#provided = this.#usable(texts)
    this.#providedAt = this.#now()
    this.#texts = texts
    // Where the root is another one, proxies hear of it first; unless what signed until now is trusted by nobody who has.
    const isSameRoot = this.#signing.anchor === this.#provided.anchor
    if (isSameRoot || !this.#isTrusted(this.#signing)) this.#sign(this.#provided)
  }

  #sign(provided: Provided): void {
    this.#signing = provided
    this.#signers.set(provided.id, provided)
  }

  /** As when our own roots follow each other: better one proxy that has not heard than all without a certificate. */
  #maySign(bundleHeld: boolean): boolean {
    if (this.#signing === this.#provided) return false
    const isKnown = bundleHeld && this.#now() >= this.#providedAt + NEWS_MS
    return isKnown || this.#now() >= this.#signing.notAfter - 2 * this.lifetimes.leafMs
  }

  #isTrusted(signer: Provided): boolean {
    return validAt(signer, this.#now()) && this.#provided.roots.some(({ id }) => id === signer.anchor)
  }

  #usable(texts: AuthorityTexts): Provided {
    const provided = parseAuthorityFiles(this.#folder, texts)
    if (!validAt(provided, this.#now())) throw new MeshError('RootUnusable', this.#outOfTime(provided))
    return provided
  }

  #outOfTime({ notBefore, notAfter }: Provided): string {
    const [from, until] = [notBefore, notAfter].map(at => new Date(at).toISOString())
    return `The authority in ${this.#folder} is valid from ${from} until ${until}, with all that it leads up to, and not at ${new Date(this.#now()).toISOString()}. Provide a renewed one; is the clock right?`
  }
}
