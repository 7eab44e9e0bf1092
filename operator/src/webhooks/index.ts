/** What the API server asks before it writes, and to read what it has written. */
export {
  type AdmissionRequest,
  admissionAnswer,
  admissionRequest,
  type JsonPatch,
  type Verdict,
} from './admission-review.ts'
export { conversionAnswer } from './conversion-review.ts'
export { heldBackPart } from './held-back.ts'
export { type Injection, inject, type SkipReason, STATUS_ANNOTATION } from './inject.ts'
export { DEFAULT_PROXY_SETTINGS, type InjectContext, type ProxySettings, SETTING_FORMS } from './inject-context.ts'
export { judgePod, type PodJudged, podPatch, type Uninjected } from './judge-pod.ts'
export { judgeSmi, type WhatIf } from './judge-smi.ts'
export { type Webhook, WebhookServer, type WebhookServerOptions } from './server.ts'
export { serviceNames, type WebhookPartOptions, webhookPart, webhooksOf } from './webhook-part.ts'
export { type WebhooksOptions, webhooks } from './webhooks.ts'
