import { createStore } from './store.js'

export interface Toast {
  readonly id: number
  readonly text: string
}

const SHOWN_FOR = 5_000

export const toasts = createStore<readonly Toast[]>([])

let nextId = 1

/** Shows a message to the user for a moment. */
export function say(text: string): void {
  const toast = { id: nextId++, text }
  toasts.set([...toasts.get().slice(-2), toast])
  setTimeout(() => toasts.set(toasts.get().filter(({ id }) => id !== toast.id)), SHOWN_FOR)
}
