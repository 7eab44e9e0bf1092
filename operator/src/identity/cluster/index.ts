/** Identities where there is a Kubernetes API: what is kept in it, and whom its word proves. */
export { type TokenReviewOptions, tokenReview } from './review-token.ts'
export { secretStore } from './secret-store.ts'
export {
  type OwnerReference,
  ROOTS_KEY,
  TrustConfigMaps,
  type TrustConfigMapsOptions,
  type TrustEvent,
} from './trust-config-maps.ts'
