// An interrupted test run leaves its test process behind, which would go on to the end of the list with its browsers.
process.once('disconnect', () => process.exit(1))

/** Tidies up when it is called, and at the latest when this process exits. (Puppeteer ends its Firefox in the same way.) */
export function atTheLatest(undo: () => void): () => void {
  const once = () => {
    process.off('exit', once)
    undo()
  }
  process.once('exit', once)
  return once
}
