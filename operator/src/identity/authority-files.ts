/**
 * The files of an authority that somebody else keeps, as cert-manager writes them into a Secret: `tls.crt`, `tls.key` and
 * `ca.crt`. Knows what may sign for a mesh and what it must lead up to; no clock. No message repeats a key.
 */
import { createHash, createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import fs from 'node:fs'
import { join } from 'node:path'
import { MeshError, systemCode } from '../mesh-error.ts'
import { type Signer, signerOfAuthority, type Validity } from './certificate.ts'

/** What the three files hold, as text. */
export interface AuthorityTexts {
  readonly certificate: string
  readonly key: string
  readonly roots: string
}

/** A certificate in the trust bundle. */
export interface ProvidedRoot extends Validity {
  readonly id: string
  /** PEM. */
  readonly certificate: string
}

/** An authority as the files give it. It is valid for as long as all that it leads up to. */
export interface Provided extends Validity {
  /** Of the certificate, not of its key: a renewal for the same key is another one. */
  readonly id: string
  readonly certificate: string
  readonly signer: Signer
  /** The id of the root that it leads up to. */
  readonly anchor: string
  /** What to trust, that root among them. */
  readonly roots: readonly ProvidedRoot[]
}

const CURVES: readonly (string | undefined)[] = ['prime256v1', 'secp384r1']
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g

/**
 * Reads the three of one generation: a mounted Secret is replaced by turning the link `..data`, so that is followed once.
 * Throws a MeshError where one is missing.
 */
export function readAuthorityFiles(folder: string): AuthorityTexts {
  try {
    const generation = fs.existsSync(join(folder, '..data')) ? fs.realpathSync(join(folder, '..data')) : folder
    const text = (name: string) => fs.readFileSync(join(generation, name), 'utf8')
    return { certificate: text('tls.crt'), key: text('tls.key'), roots: text('ca.crt') }
  } catch (cause) {
    const code = systemCode(cause)
    if (code === undefined) throw cause
    const message = `The authority in ${folder} cannot be read (${code}). The folder must hold tls.crt, tls.key and ca.crt, readable by this process.`
    throw new MeshError('StateUnavailable', message, { cause })
  }
}

/** Throws a MeshError that says which file will not do, and why. `folder` is for that alone. */
export function parseAuthorityFiles(folder: string, texts: AuthorityTexts): Provided {
  try {
    const [issuer, ...above] = certificates('tls.crt', texts.certificate)
    const roots = certificates('ca.crt', texts.roots)
    if (issuer === undefined) throw new TypeError('tls.crt holds no certificate')
    if (roots.length === 0) throw new TypeError('ca.crt holds no certificate')
    if (!issuer.ca) throw new TypeError('tls.crt is not the certificate of an authority, which may sign others')
    const key = signingKey(texts.key)
    if (!issuer.checkPrivateKey(key)) throw new TypeError('tls.key is not the key of tls.crt')
    const path = pathUp(issuer, above, roots)
    const presented = path.filter(certificate => !isSelfSigned(certificate))
    return {
      notBefore: Math.max(...path.map(({ validFromDate }) => validFromDate.getTime())),
      notAfter: Math.min(...path.map(({ validToDate }) => validToDate.getTime())),
      id: idOf(issuer),
      certificate: issuer.toString(),
      signer: signerOfAuthority(idOf(issuer), issuer, key, presented),
      anchor: idOf(path.at(-1) ?? issuer),
      roots: roots.map(root => ({
        id: idOf(root),
        certificate: root.toString(),
        notBefore: root.validFromDate.getTime(),
        notAfter: root.validToDate.getTime(),
      })),
    }
  } catch (error) {
    const reason = error instanceof TypeError ? error.message : 'a certificate or key in it cannot be read'
    throw new MeshError('StateDamaged', `The authority in ${folder} cannot be used: ${reason}.`)
  }
}

function certificates(file: string, text: string): readonly X509Certificate[] {
  try {
    return (text.match(CERTIFICATE) ?? []).map(pem => new X509Certificate(pem))
  } catch {
    throw new TypeError(`a certificate in ${file} cannot be read`)
  }
}

function signingKey(text: string): KeyObject {
  const key = privateKey(text)
  const curve = key.asymmetricKeyDetails?.namedCurve
  if (key.asymmetricKeyType === 'ec' && CURVES.includes(curve)) return key
  const found = `${key.asymmetricKeyType ?? 'unknown'}${curve === undefined ? '' : ` ${curve}`}`
  throw new TypeError(`tls.key is of the kind ${found}; an authority of the mesh signs with EC P-256 or P-384`)
}

function privateKey(text: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch {
    throw new TypeError('tls.key cannot be read as a private key in PEM without a passphrase')
  }
}

/** From the issuer to a root of ca.crt that signed itself, which is where every verifier has to arrive. */
function pathUp(
  issuer: X509Certificate,
  above: readonly X509Certificate[],
  roots: readonly X509Certificate[],
): readonly X509Certificate[] {
  const trusted = new Set(roots.map(idOf))
  const path = [issuer]
  for (let top = issuer; !(isSelfSigned(top) && trusted.has(idOf(top))); ) {
    const next = [...roots, ...above].find(other => !path.includes(other) && signed(other, top))
    if (next === undefined) throw new TypeError('ca.crt does not hold the self-signed root that tls.crt leads up to')
    path.push(next)
    top = next
  }
  return path
}

function signed(parent: X509Certificate, child: X509Certificate): boolean {
  return parent.ca && child.checkIssued(parent) && child.verify(parent.publicKey)
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return signed(certificate, certificate)
}

function idOf({ raw }: X509Certificate): string {
  return createHash('sha256').update(raw).digest('hex').slice(0, 40)
}
