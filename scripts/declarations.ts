/** Which comments of the built declarations an editor can show. */
import { readFileSync } from 'node:fs'

/** A statement of a module's outermost level as `tsc` writes it, with its comments. */
const STATEMENT =
  /(?:^\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)*^(?:export|declare|interface|type|import|class)\b[\s\S]*?(?=^(?:\/\*\*|export\b|declare\b|interface\b|type\b|import\b)|(?![\s\S]))/gm
const COMMENT = /^[ \t]*\/\*\*[\s\S]*?\*\/\n/gm
const NAME = /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|const|function|class|let)\s+([\w$]+)/m

/**
 * The texts of some files without the comments of what no entry point leads to. Names alone are compared: where two modules have the same,
 * both keep theirs.
 */
export function withoutHiddenComments(paths: readonly string[], entries: readonly string[]): Map<string, string> {
  const texts = new Map(paths.map((path) => [path, readFileSync(path, 'utf8')]))
  const codes = new Map<string, string[]>()
  const queue: string[] = []
  for (const [path, text] of texts)
    for (const [statement] of text.matchAll(STATEMENT)) {
      const code = statement.replace(COMMENT, '')
      const [, name = ''] = NAME.exec(code) ?? []
      codes.set(name, [...(codes.get(name) ?? []), code])
      if (entries.includes(path)) queue.push(code)
    }
  const reached = new Set<string>()
  for (const code of queue)
    for (const [name] of code.matchAll(/[A-Za-z_$][\w$]*/g)) {
      if (reached.has(name)) continue
      reached.add(name)
      queue.push(...(codes.get(name) ?? []))
    }
  const mend = (statement: string) => {
    const code = statement.replace(COMMENT, '')
    const [, name] = NAME.exec(code) ?? []
    return name === undefined || reached.has(name) ? statement : code
  }
  return new Map([...texts].map(([path, text]) => [path, text.replace(STATEMENT, mend)]))
}
