/** `unavailable`: it is not known whether the credentials are valid. `wrong-identity`: they are another user's. */
export type DenialCode = 'unavailable' | 'wrong-identity'

/** Why a client is not let in. `final`: other credentials would not help. */
export interface ServerDenial {
  readonly reason: string
  readonly code?: DenialCode | undefined
  readonly final?: boolean | undefined
}

/** Packets from the server to a transport: Socket.IO's, as far as they matter here. */
export type ServerPacket =
  | { readonly kind: 'connected'; readonly pid?: string; readonly recovered: boolean }
  | ({ readonly kind: 'refused' } & ServerDenial)
  | { readonly kind: 'event'; readonly name: string; readonly metadata: unknown; readonly offset: number }
  /** An event that can't be read: in its place `data` arrives, as over a broken proxy. */
  | { readonly kind: 'garbled'; readonly name: string; readonly data: unknown; readonly offset: number }
  | { readonly kind: 'kicked' }
  | { readonly kind: 'ping' }
  | { readonly kind: 'probed' }
  | { readonly kind: 'renewed'; readonly ok: boolean; readonly code?: DenialCode }
  /** The acknowledgement of an `ask`. */
  | { readonly kind: 'answer'; readonly request: number; readonly data: unknown }

/** Packets from a transport to the server. */
export type ClientPacket =
  | {
      readonly kind: 'connect'
      readonly auth: unknown
      readonly mountedFor: string
      /** Stands for the address: the path that the client asked for. */
      readonly path?: string | undefined
      readonly pid?: string
      readonly offset?: number
    }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'pong' }
  | { readonly kind: 'probe' }
  | { readonly kind: 'renew'; readonly auth: unknown }
  /** An event of the app's. Without `request`, it is not acknowledged. */
  | { readonly kind: 'ask'; readonly event: string; readonly data: unknown; readonly request?: number | undefined }
  | { readonly kind: 'say'; readonly event: string; readonly metadata: Readonly<Record<string, unknown>> }
