/** What keeps a sidecar from being set up, in a sentence for the person who reads the init container's log. */
export class SidecarError extends Error {
  override readonly name = 'SidecarError'
}
