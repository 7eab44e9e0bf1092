/** Identities where there is a Kubernetes API: what is kept in it, and whom its word proves. */
export { canReview, type TokenReviewOptions, tokenReview } from './review-token.ts'
export { secretStore } from './secret-store.ts'
export { caBundle, type OwnerReference, ROOTS_KEY, type TrustPlaces, trustConfigMap } from './trust.ts'
export { trustPart } from './trust-part.ts'
export { type Chore, Upkeep, type UpkeepEvent, type UpkeepOptions } from './upkeep.ts'
