/** Certificates for tests, made by openssl: this package issues none itself. */

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type IdentityCertificate, PrivateKey, type SpiffeId, type TrustBundle } from '../../mesh/index.ts'
import { temporaryFolder } from './temporary-folder.ts'

const CURVE = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1']

/** A root of its own and what it signs. */
export class TestAuthority {
  readonly #folder = temporaryFolder()

  constructor() {
    this.#openssl(['req', '-x509', ...CURVE, '-subj', '/CN=test root', '-keyout', 'root.key', '-out', 'root.pem'])
  }

  bundle(trustDomain: string): TrustBundle {
    return { trustDomain, roots: [this.#read('root.pem')] }
  }

  issue(identity: SpiffeId): IdentityCertificate {
    const extensions = [
      `subjectAltName=critical,URI:${identity}`,
      'basicConstraints=critical,CA:FALSE',
      'keyUsage=critical,digitalSignature',
      'extendedKeyUsage=serverAuth,clientAuth',
    ]
    writeFileSync(join(this.#folder, 'leaf.ext'), extensions.join('\n'))
    this.#openssl(['req', ...CURVE, '-subj', '/', '-keyout', 'leaf.key', '-out', 'leaf.csr'])
    const signed = ['-in', 'leaf.csr', '-CA', 'root.pem', '-CAkey', 'root.key', '-CAcreateserial', '-days', '1']
    this.#openssl(['x509', '-req', ...signed, '-extfile', 'leaf.ext', '-out', 'leaf.pem'])
    const notBefore = Date.now()
    return {
      identity,
      chain: this.#read('leaf.pem'),
      privateKey: new PrivateKey(this.#read('leaf.key')),
      notBefore,
      notAfter: notBefore + 86_400_000,
    }
  }

  #openssl(args: readonly string[]): void {
    execFileSync('openssl', [...args], { cwd: this.#folder, stdio: ['ignore', 'ignore', 'pipe'] })
  }

  #read(name: string): string {
    return readFileSync(join(this.#folder, name), 'utf8')
  }
}
