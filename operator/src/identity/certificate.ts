/**
 * X.509 certificates of the mesh: roots, and the leaves they sign (X509-SVID). Keys are P-256. Keys, serial numbers and
 * signatures come from node:crypto; the structure around them from `asn1.ts`. Knows no clock and keeps nothing.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto'
import { type IdentityCertificate, PrivateKey, type SpiffeId } from '@smi-mesh/dataplane/mesh'
import * as asn1 from './asn1.ts'

/** From when until when, in milliseconds since the epoch. Certificates know whole seconds only: both are rounded down. */
export interface Validity {
  readonly notBefore: number
  readonly notAfter: number
}

/** A self-signed certificate authority. */
export interface Root extends Validity {
  /** The key identifier in hex: what a leaf names its issuer by. */
  readonly id: string
  /** PEM. */
  readonly certificate: string
  readonly privateKey: PrivateKey
}

/** An authority made ready to sign many leaves. */
export interface Signer {
  /** What the authority calls it. */
  readonly id: string
  readonly key: KeyObject
  readonly subject: asn1.Asn1
  /** What leaves name its key by; undefined where its certificate says no such thing. */
  readonly keyId: Buffer | undefined
  /** PEM of what a leaf's holder has to present beside the leaf: nothing, where the signer is a root. */
  readonly above: string
}

const P256_POINT_BYTES = 65

/** A new root of a trust domain, named by the domain's own SPIFFE ID (X509-SVID §4.1: a signing certificate has no path). */
export function createRoot(trustDomain: string, validity: Validity): Root {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keyId = keyIdOf(publicKey)
  const id = keyId.toString('hex')
  // Roots of one domain differ in name, so that no verifier has to try keys.
  const subject = asn1.distinguishedName(`smi-mesh root ${id.slice(0, 16)}`)
  const period = wholeSeconds(validity)
  const certificate = certify({
    subject,
    issuer: subject,
    publicKey,
    signedWith: privateKey,
    validity: period,
    extensions: [
      asn1.authorityConstraints(),
      asn1.keyUsage('signsCertificates'),
      asn1.alternativeNames(`spiffe://${trustDomain}`),
      asn1.subjectKeyIdentifier(keyId),
      asn1.authorityKeyIdentifier(keyId),
    ],
  })
  return { ...period, id, certificate, privateKey: pemOf(privateKey) }
}

/** Reads a root back. Throws where certificate and key are not a root of this trust domain made by `createRoot`. */
export function readRoot(trustDomain: string, certificate: string, privateKey: PrivateKey): Root {
  const x509 = new X509Certificate(certificate)
  if (!x509.ca) throw new TypeError('the certificate is not one of an authority')
  if (x509.subjectAltName !== `URI:spiffe://${trustDomain}`) {
    throw new TypeError(`the certificate is for ${x509.subjectAltName ?? 'no name'}, not for spiffe://${trustDomain}`)
  }
  if (!x509.verify(x509.publicKey)) throw new TypeError('the certificate is not signed by its own key')
  if (!x509.checkPrivateKey(createPrivateKey(privateKey.reveal()))) {
    throw new TypeError('the private key is not the one of the certificate')
  }
  return { ...periodOf(x509), id: keyIdOf(x509.publicKey).toString('hex'), certificate, privateKey }
}

/** Parses what a root needs for signing, once. */
export function signerOf(root: Root): Signer {
  return {
    id: root.id,
    key: createPrivateKey(root.privateKey.reveal()),
    subject: asn1.subjectOf(new X509Certificate(root.certificate).raw),
    keyId: Buffer.from(root.id, 'hex'),
    above: '',
  }
}

/** The same of an authority that was made elsewhere. `presented`: its certificate and those between it and its root. */
export function signerOfAuthority(
  id: string,
  { raw }: X509Certificate,
  key: KeyObject,
  presented: readonly X509Certificate[],
): Signer {
  const above = presented.map(String).join('')
  return { id, key, subject: asn1.subjectOf(raw), keyId: asn1.subjectKeyIdentifierOf(raw), above }
}

/**
 * A leaf that proves `identity`, with a new key. The caller keeps the validity within the root's. `dnsNames` are for a server
 * whose callers are not of the mesh.
 */
export function createLeaf(
  signer: Signer,
  identity: SpiffeId,
  validity: Validity,
  dnsNames: readonly string[] = [],
): IdentityCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const period = wholeSeconds(validity)
  const certificate = certify({
    subject: asn1.distinguishedName(''),
    issuer: signer.subject,
    publicKey,
    signedWith: signer.key,
    validity: period,
    extensions: [
      asn1.leafConstraints(),
      asn1.keyUsage('signsHandshakes'),
      asn1.extendedKeyUsage(),
      asn1.alternativeNames(identity, dnsNames),
      asn1.subjectKeyIdentifier(keyIdOf(publicKey)),
      ...(signer.keyId === undefined ? [] : [asn1.authorityKeyIdentifier(signer.keyId)]),
    ],
  })
  return { ...period, identity, chain: certificate + signer.above, privateKey: pemOf(privateKey) }
}

/** Reads a leaf back. Throws where certificate, key and identity do not belong together. */
export function readLeaf(identity: SpiffeId, chain: string, privateKey: PrivateKey): IdentityCertificate {
  const x509 = new X509Certificate(chain)
  const [name] = x509.subjectAltName?.split(', ') ?? []
  if (name !== `URI:${identity}`) throw new TypeError(`the certificate is not for ${identity}`)
  if (!x509.checkPrivateKey(createPrivateKey(privateKey.reveal()))) {
    throw new TypeError('the private key is not the one of the certificate')
  }
  return { ...periodOf(x509), identity, chain, privateKey }
}

/** Whether the key of this root made the signature of this leaf. */
export function signedBy(leaf: IdentityCertificate, rootCertificate: string): boolean {
  return new X509Certificate(leaf.chain).verify(createPublicKey(rootCertificate))
}

interface Certification {
  readonly subject: asn1.Asn1
  readonly issuer: asn1.Asn1
  readonly publicKey: KeyObject
  readonly signedWith: KeyObject
  readonly validity: Validity
  readonly extensions: readonly asn1.Asn1[]
}

function certify({ subject, issuer, publicKey, signedWith, validity, extensions }: Certification): string {
  const tbs = asn1.sequence(
    asn1.version3(),
    asn1.integer(serialNumber()),
    asn1.signatureAlgorithm(),
    issuer,
    asn1.validity(validity.notBefore, validity.notAfter),
    subject,
    asn1.fromDer(spkiOf(publicKey)),
    asn1.extensions(extensions),
  )
  const signature = sign('sha256', asn1.toDer(tbs), signedWith)
  const der = asn1.toDer(asn1.sequence(tbs, asn1.signatureAlgorithm(), asn1.bitString(signature)))
  return new X509Certificate(der).toString()
}

/** 16 random bytes, positive and without leading zero byte, so always of the same length. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16)
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0)
  return bytes
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' })
}

/** SHA-1 of the public point (RFC 5280 §4.2.1.2, method 1): a name, not a proof. */
function keyIdOf(key: KeyObject): Buffer {
  const spki = spkiOf(key)
  return createHash('sha1')
    .update(spki.subarray(spki.length - P256_POINT_BYTES))
    .digest()
}

function pemOf(key: KeyObject): PrivateKey {
  return new PrivateKey(key.export({ type: 'pkcs8', format: 'pem' }).toString())
}

function periodOf(x509: X509Certificate): Validity {
  return { notBefore: x509.validFromDate.getTime(), notAfter: x509.validToDate.getTime() }
}

function wholeSeconds({ notBefore, notAfter }: Validity): Validity {
  return { notBefore: Math.floor(notBefore / 1000) * 1000, notAfter: Math.floor(notAfter / 1000) * 1000 }
}
