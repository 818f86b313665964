import { PartylineServerError } from './errors.js'

/** Whose pages may connect: origins, as `https://app.example.com`, or a function that decides. */
export type AllowedOrigins = readonly string[] | ((origin: string) => boolean)

/** Throws `bad-option` for an entry of the list that is no origin: it would let nobody in. */
export function originFilter(origins: AllowedOrigins | undefined): (origin: string | undefined) => boolean {
  if (!origins) return () => true
  if (typeof origins === 'function') return (origin) => origin === undefined || origins(origin) === true
  const allowed = new Set(origins.map(checkedOrigin))
  return (origin) => origin === undefined || allowed.has(origin)
}

function checkedOrigin(entry: unknown): string {
  // The origin of a sandboxed frame, and of a file.
  if (entry === 'null') return entry
  const url = typeof entry === 'string' && URL.canParse(entry) ? new URL(entry) : undefined
  // Not `url.origin`, which is 'null' for the pages of an app: `capacitor://localhost`.
  const origin = url && `${url.protocol}//${url.host}`
  if (url?.host && !url.host.includes('*') && url.href.replace(/\/$/, '') === origin) return origin
  throw new PartylineServerError(
    'bad-option',
    `origins: '${String(entry)}' is no origin, as https://app.example.com is`,
  )
}
