/** What Partyline found wrong, oldest first. Also in `window.ledger.errors`, for tests and for the curious. */
export const errors: { code: string; message: string }[] = []

export function reportError({ code, message }: { code: string; message: string }): void {
  errors.push({ code, message })
  console.warn(`Partyline (${code}): ${message}`)
}
