/** Who uses an identity, so that its certificate is renewed for as long as somebody does. */
import type { SpiffeId } from '@smi-mesh/dataplane/mesh'
import type { ConnectedProxy } from '@smi-mesh/dataplane/xds'

/** Which proxies have which identity, so that nobody's certificate is renewed for ever. */
export class IdentityUsers {
  readonly #identityOf: (proxy: ConnectedProxy) => SpiffeId | undefined
  readonly #unused: (identity: SpiffeId) => void
  readonly #identities = new Map<ConnectedProxy, SpiffeId>()
  readonly #counts = new Map<SpiffeId, number>()

  constructor(identityOf: (proxy: ConnectedProxy) => SpiffeId | undefined, unused: (identity: SpiffeId) => void) {
    this.#identityOf = identityOf
    this.#unused = unused
  }

  add(proxy: ConnectedProxy): void {
    const identity = this.#identityOf(proxy)
    if (identity === undefined) return
    this.#identities.set(proxy, identity)
    this.#counts.set(identity, (this.#counts.get(identity) ?? 0) + 1)
  }

  remove(proxy: ConnectedProxy): void {
    const identity = this.#identities.get(proxy)
    if (identity === undefined) return
    this.#identities.delete(proxy)
    const left = (this.#counts.get(identity) ?? 1) - 1
    if (left > 0) this.#counts.set(identity, left)
    else {
      this.#counts.delete(identity)
      this.#unused(identity)
    }
  }
}
