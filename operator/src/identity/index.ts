/** Who a workload is, and the certificates that prove it. */
export { Authority, type AuthorityOptions, DEFAULT_LIFETIMES, type RootView, type Signatory } from './authority.ts'
export {
  type CredentialEvent,
  CredentialFolders,
  type CredentialFoldersOptions,
  type CredentialSource,
  controlPlaneIdentity,
  serverCredentials,
  tokenServerCredentials,
} from './credentials.ts'
export type { IdentityEvent } from './event.ts'
export { type Expiry, type ExpiryState, expiries } from './expiry.ts'
export { type FileStores, fileStores } from './file-store.ts'
export { Issuer, type IssuerOptions, type SetTimer } from './issuer.ts'
export { openAuthority } from './open-authority.ts'
export { type AuthorityStore, type Leaf, type LeafStore, noLeafStore } from './store.ts'
