import type { Mutant } from './mutant.js'

/** Of handlers that run in one tab, and of an app that says that its server answers. */
export const ONE_TAB_MUTANTS: readonly Mutant[] = [
  {
    name: 'one tab: a hidden tab is taken for visible',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/hub/one-tab.ts',
    find: 'if (tab) tab.hiddenAt ??= now()',
    replace: 'if (tab) tab.hiddenAt ??= undefined',
  },
  {
    name: 'one tab: a visible tab that hangs is chosen',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/hub/one-tab.ts',
    find: 'return now - Math.max(seenAt, shownAt) > SILENCE_MS.visible',
    replace: 'return false',
  },
  {
    name: 'one tab: what a tab leaves undone is nobody’s',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/hub/one-tab.ts',
    find: 'for (const pair of again) add(pair)',
    replace: 'for (const pair of again) void pair',
  },
  {
    name: 'one tab: a leaving tab does not say what it has run',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/link/hub-client.ts',
    find: "post({ kind: 'detach', release, park, ...(seq !== undefined && { seq }) })",
    replace: "post({ kind: 'detach', release, park })",
  },
  {
    name: 'one tab: a leaving tab says that it has run nothing',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/link/hub-client.ts',
    find: 'const seq = heard()',
    replace: 'const seq = heard() === undefined ? undefined : 0',
  },
  {
    name: 'one tab: a replayed event is each tab’s',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/hub/one-tab.ts',
    find: "return chosen === '' && since !== undefined && since <= entry.at ? tab.id : chosen",
    replace: 'return since !== undefined && since <= entry.at ? tab.id : chosen',
  },
  {
    name: 'one tab: a replayed event that no tab has run is nobody’s',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/hub/one-tab.ts',
    find: 'if (one[0] || one[1]) entry.pair = [name, metadata, { ...envelope, one }]',
    replace: 'if (one[0] && one[1] && !envelope) entry.pair = [name, metadata]',
  },
  {
    name: 'one tab: an event that was handed on is heard again by all',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/tab/event-handlers.ts',
    find: "envelope?.isHandedOn !== true && (handler.place !== 'visible'",
    replace: "(handler.place !== 'visible'",
  },
  {
    name: 'a handler in visible tabs hears what came while its page was hidden',
    by: 'src/tab/one-tab.test.ts',
    file: 'src/tab/event-handlers.ts',
    find: 'visibleSince <= cameAt',
    replace: 'visibleSince <= cameAt + 1e12',
  },
  {
    name: 'a server that answers the app turns the back-off off',
    by: 'src/hub/connection.test.ts',
    file: 'src/hub/back-off.ts',
    find: 'reachable: (before) => (0.5 + random() / 2) * grown(REACHABLE_PAUSE_MS.first, REACHABLE_PAUSE_MS.max, before)',
    replace: 'reachable: () => 0',
  },
  {
    name: 'a server that answers the app is asked again though it refused',
    by: 'src/hub/connection.test.ts',
    file: 'src/hub/attempt-schedule.ts',
    find: "why !== 'reachable' || isOutage",
    replace: "why !== 'reachable' || isOutage || !isOutage",
  },
  {
    name: 'a server that answers the app changes nothing',
    by: 'src/hub/connection.test.ts',
    file: 'src/hub/attempt-schedule.ts',
    find: "why !== 'reachable' || isOutage",
    replace: "why !== 'reachable'",
  },
]
