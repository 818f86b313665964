/**
 * Brings what an inspector tells into plain data, without credentials: it is logged, copied into issues and sent. A field that is
 * named like a secret is hidden, and so is a text that looks like one.
 */

const HIDDEN = '(hidden)'
/** Deeper values are cut: an object may hold itself. */
const MAX_PLAIN_DEPTH = 8
/** Of a value with more parts, what follows is cut: within that depth, a few that hold each other are millions. */
const MAX_PARTS = 20_000
/** A longer message is cut. Characters. */
const MAX_TEXT = 1_000

const SECRET_NAME =
  /pass(word|wd|phrase)?$|secret|token|credential|authoriz|^auth$|cookie|api_?-?key|bearer|jwt|signature|^sid$/i

/** `Bearer ...`, `Basic ...`, and JSON Web Tokens. */
const SECRET_TEXT = /\b(bearer|basic)\s+[\w.~+/=-]{6,}|\beyJ[\w-]+\.[\w-]+(\.[\w-]*)?/gi
/** `token=...`, `"password": "..."`, as messages quote them. What follows the bare word `credentials:` is a sentence, the server's. */
const NAMED_TEXT =
  /((?:(?:token|secret|password|passwd|api_?-?key|authorization|cookie)["']?\s*[:=]|credentials?(?:["']\s*:|["']?\s*=))\s*)("[^"]*"|'[^']*'|[^\s,;&})]+)/gi
/** A whole address: what stands before an `@`, and what follows a `?` or a `#`. */
const ADDRESS = /\b((?:https?|wss?):\/\/)(?:[^\s/@'"]*@)?([^\s?#'")]*)(?:[?#][^\s'")]*)?/gi

/** An address without its user, query and fragment. */
export const plainUrl = (url: string): string => url.replace(ADDRESS, '$1$2').replace(/[?#].*$/, '')

/** A message. It may quote an address, or what somebody sent. */
export function plainText(text: string): string {
  const plain = hideIn(text.replace(ADDRESS, '$1$2')).replace(NAMED_TEXT, `$1${HIDDEN}`)
  return plain.length > MAX_TEXT ? `${plain.slice(0, MAX_TEXT)}...` : plain
}

const hideIn = (text: string): string => text.replace(SECRET_TEXT, HIDDEN)

/** The same value as JSON can say it. Functions and symbols are left out. */
export function plain<T>(value: T): T {
  return plainAt(value, 0, hideIn, { left: MAX_PARTS }) as T
}

/** The same, for what holds messages: each text of it is one. */
export function plainMessages<T>(value: T): T {
  return plainAt(value, 0, plainText, { left: MAX_PARTS }) as T
}

function plainAt(value: unknown, depth: number, text: typeof hideIn, parts: { left: number }): unknown {
  if (typeof value === 'string') return text(value)
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'function' || typeof value === 'symbol') return undefined
  if (typeof value !== 'object' || value === null) return value
  if (depth === MAX_PLAIN_DEPTH || parts.left <= 0) return '...'
  const inner = (one: unknown) => plainAt(one, depth + 1, text, parts)
  try {
    parts.left -= Object.keys(value).length
    if (Array.isArray(value)) return value.map((one) => inner(one) ?? null)
    if ('toJSON' in value && typeof value.toJSON === 'function') return inner(value.toJSON())
    const fields: [string, unknown][] = []
    for (const [name, one] of Object.entries(value)) {
      const isSecret = isSecretName(name) && !OPEN_VALUES.includes(one)
      fields.push([name, isSecret ? HIDDEN : inner(one)])
    }
    return Object.fromEntries(fields)
  } catch {
    // A getter or a proxy that throws.
    return '...'
  }
}

/** Under any name, these are no secret. */
const OPEN_VALUES: readonly unknown[] = [undefined, null, true, false]

const isSecretName = (name: string): boolean => SECRET_NAME.test(name)

/** Texts of these options of a transport say nothing secret. What an app may put its credentials into is not among them. */
const OPEN_TEXTS: readonly string[] = ['path', 'transports', 'host', 'hostname', 'port']

/** A transport's options: numbers and truth values, and the texts that are known. */
export function plainSocketOptions(socket: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const told = Object.entries(socket).map(([name, value]) => {
    if (typeof value === 'boolean') return [name, value]
    if (isSecretName(name)) return [name, HIDDEN]
    if (typeof value === 'number') return [name, value]
    if (!OPEN_TEXTS.includes(name)) return [name, HIDDEN]
    return [name, Array.isArray(value) ? value.map((one) => plainUrl(String(one))) : plainUrl(String(value))]
  })
  return Object.fromEntries(told)
}
