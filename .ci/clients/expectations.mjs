// What the scripts for Node share: what was seen, and what was expected instead.

import { createHmac } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'

export const saw = (what) => process.stdout.write(`   ${what}\n`)

export function expect(is, should, of) {
  if (!isDeepStrictEqual(is, should)) {
    console.error(`${of}: ${JSON.stringify(is)} and not ${JSON.stringify(should)}`)
    process.exit(1)
  }
}

/** The TOTP code of a secret in base32 (RFC 6238), of this step or of one after it. */
export function totp(secret, later = 0) {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  const bits = [...secret].map((digit) => digits.indexOf(digit).toString(2).padStart(5, '0'))
  const key = Buffer.from(bits.join('').match(/.{8}/g).map((byte) => parseInt(byte, 2)))
  const step = Buffer.alloc(8)
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + later))
  const hash = createHmac('sha1', key).update(step).digest()
  const number = hash.readUInt32BE(hash.at(-1) & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}
