/** Who takes part. */
export interface Subject {
  readonly name: string
  readonly path: string
}

export const FLOOR = 'floor'
export const RECIPE = 'recipe'
export const DEBOUNCED = 'recipe + debounce 300 ms'

export const SUBJECTS: readonly Subject[] = [
  { name: FLOOR, path: '/floor.html?' },
  { name: RECIPE, path: '/recipe.html?' },
  { name: DEBOUNCED, path: '/recipe-debounced.html?' },
  { name: 'tab-election', path: '/tab-election.html?' },
  { name: 'partyline, shared-worker', path: '/partyline.html?' },
  { name: 'partyline, leader-tab', path: '/partyline.html?host=leader-tab&' },
]

/** Measured beside the others only where all windows are visible. */
export const SHARING: Subject = { name: 'partyline, shareFetches', path: '/partyline.html?share&' }

/** The targets are for these. */
export const isPartyline = (subject: string): boolean => subject.startsWith('partyline')
