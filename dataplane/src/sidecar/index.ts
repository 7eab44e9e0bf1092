/** What a pod's proxy needs beside Envoy: rules of the kernel, a bootstrap, and an end in peace. */
export { askAdmin } from './admin.ts'
export { CAPTURE_ALL, type Capture, PROXY_GROUP, PROXY_ID } from './capture.ts'
export { IN_FLIGHT_PATH, inFlightIn } from './in-flight.ts'
export { FOLDERS } from './init.ts'
export { OPTIONS_VARIABLE, type SidecarOptions, sidecarOptions } from './options.ts'
export { SidecarError } from './sidecar-error.ts'
