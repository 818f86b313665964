import type { HubInspection, HubRecord } from '../wire/hub-calls.js'

/** So many records of each kind are kept: a flood of one kind must not push out what another has to tell. */
const MAX_RECORDS_OF_KIND = 40
/** What somebody else wrote may be of any length. Characters. */
const MAX_REASON_LENGTH = 300

export type RecordDetail = Partial<Omit<HubRecord, 'n' | 'ageMs' | 'kind' | 'step'>>

/** What happened in a hub, for an inspector. Nothing in it is a credential, or the metadata of an event. */
export interface HubLog {
  /** Since the hub began: plain numbers, because some count at every event. */
  readonly counters: { -readonly [Name in keyof HubInspection['counters']]: number }
  /** Never once per event. It is kept whether or not anybody inspects the hub: it is wanted most after something went wrong. */
  add(kind: HubRecord['kind'], step: string, detail?: RecordDetail): void
  /** The records with a higher number, the newest last. */
  after(n: number): readonly HubRecord[]
}

export function createHubLog(now: () => number): HubLog {
  let records: { readonly at: number; readonly record: Omit<HubRecord, 'ageMs'> }[] = []
  let last = 0

  return {
    counters: { events: 0, batches: 0, characters: 0, connections: 0, gaps: 0, replays: 0 },
    add(kind, step, detail) {
      const same = records.filter(({ record }) => record.kind === kind)
      if (same.length >= MAX_RECORDS_OF_KIND) records = records.filter((one) => one !== same[0])
      const reason = detail?.reason?.slice(0, MAX_REASON_LENGTH)
      records.push({ at: now(), record: { n: ++last, kind, step, ...detail, reason } })
    },
    after: (n) =>
      records.filter(({ record }) => record.n > n).map(({ at, record }) => ({ ...record, ageMs: now() - at })),
  }
}
