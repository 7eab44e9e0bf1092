/** What pods are given in tests: the same for all of them, beside what a test is about. */
import { spiffeId } from '@smi-mesh/dataplane/mesh'
import { DEFAULT_PROXY_SETTINGS, type InjectContext } from '../src/webhooks/inject-context.ts'

export const INJECTION: Omit<InjectContext, 'namespace' | 'joined'> = {
  controlPlane: {
    address: 'smi-mesh.smi-mesh.svc',
    port: 15_010,
    identity: spiffeId('cluster.local', { namespace: 'smi-mesh', serviceAccount: 'control-plane' }),
  },
  image: 'smi-mesh:test',
  imagePullPolicy: 'IfNotPresent',
  nativeSidecars: true,
  sleepingHooks: true,
  rules: 'auto',
  hookToken: () => '0123456789abcdef',
  defaults: DEFAULT_PROXY_SETTINGS,
}
