/** The first 32 bits of the fractional parts of a root of the first `count` primes. */
function rootsOfPrimes(count: number, root: (prime: number) => number): Uint32Array {
  const primes: number[] = []
  for (let candidate = 2; primes.length < count; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate)
  }
  return Uint32Array.from(primes, (prime) => (root(prime) % 1) * 2 ** 32)
}

const rotate = (word: number, bits: number): number => (word >>> bits) | (word << (32 - bits))

/** The message as 32-bit words, with the end that SHA-256 asks for. */
function padded(text: string): Uint32Array {
  const bytes = new TextEncoder().encode(text)
  const words = new Uint32Array((((bytes.length + 8) >> 6) + 1) * 16)
  for (const [index, byte] of [...bytes, 0x80].entries()) {
    words[index >> 2] = (words[index >> 2] ?? 0) | (byte << (24 - (index % 4) * 8))
  }
  words[words.length - 1] = bytes.length * 8
  return words
}

/**
 * SHA-256 of a text, in base64url (FIPS 180-4). A simulated browser takes this one, because the real one answers in real time, not in
 * simulated time.
 */
export function simulatedSha256(text: string): string {
  const constants = rootsOfPrimes(64, Math.cbrt)
  const state = rootsOfPrimes(8, Math.sqrt)
  const message = padded(text)
  for (let block = 0; block < message.length; block += 16)
    compress(state, message.subarray(block, block + 16), constants)
  const bytes = [...state].flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255])
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}

function compress(state: Uint32Array, block: Uint32Array, constants: Uint32Array): void {
  const w = new Uint32Array(64)
  w.set(block)
  const at = (index: number) => w[index] as number
  for (let t = 16; t < 64; t++) {
    const small0 = rotate(at(t - 15), 7) ^ rotate(at(t - 15), 18) ^ (at(t - 15) >>> 3)
    const small1 = rotate(at(t - 2), 17) ^ rotate(at(t - 2), 19) ^ (at(t - 2) >>> 10)
    w[t] = small1 + at(t - 7) + small0 + at(t - 16)
  }
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state
  for (let t = 0; t < 64; t++) {
    const big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const one = (h + big1 + ((e & f) ^ (~e & g)) + (constants[t] as number) + at(t)) | 0
    const two = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    ;[h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0]
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] = (state[index] as number) + word
}
