/** What passes between transport and server; Socket.IO's packets, as far as they matter here. */
export type ServerPacket =
  | { readonly kind: 'connected'; readonly pid?: string; readonly recovered: boolean }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'event'; readonly name: string; readonly metadata: unknown; readonly offset: number }
  | { readonly kind: 'kicked' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'probed' }
  | { readonly kind: 'renewed'; readonly ok: boolean }

export type ClientPacket =
  | {
      readonly kind: 'connect'
      readonly auth: unknown
      readonly mountedFor: string
      readonly pid?: string
      readonly offset?: number
    }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'pong' }
  | { readonly kind: 'probe' }
  | { readonly kind: 'renew'; readonly auth: unknown }
  | { readonly kind: 'say'; readonly event: string; readonly metadata: Readonly<Record<string, unknown>> }
