/** Options of commands that ask a cluster: which one, and where in it the mesh lives. */
import { type Command, Option } from 'commander'
import type { ClusterChoice } from '../kubernetes/index.ts'

export interface ClusterOptions {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace: string
}

export function withCluster(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'which cluster, and who asks (default: KUBECONFIG, then ~/.kube/config)')
    .option('--context <name>', 'the context of that kubeconfig')
    .addOption(new Option('-n, --namespace <name>', 'the namespace of the mesh').default('smi-mesh'))
}

export function clusterChoice({ kubeconfig: path, context }: Omit<ClusterOptions, 'namespace'>): ClusterChoice {
  if (path !== undefined) return context === undefined ? { kind: 'file', path } : { kind: 'file', path, context }
  return context === undefined ? { kind: 'default' } : { kind: 'default', context }
}
