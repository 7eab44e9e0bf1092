/** What the API server asks before it writes, and to read what it has written. */
export {
  type AdmissionRequest,
  admissionAnswer,
  admissionRequest,
  type JsonPatch,
  type Verdict,
} from './admission-review.ts'
export { conversionAnswer } from './conversion-review.ts'
export { judgeSmi, type WhatIf } from './judge-smi.ts'
export { type Webhook, WebhookServer, type WebhookServerOptions } from './server.ts'
