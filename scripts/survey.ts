/** Parses the modules of `src/` and tells what house.ts judges: imports, top-level names, functions, globals, lines. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { parseSync } from 'vite'

export interface Import {
  /** A module's path below src/, or a package's name. */
  readonly target: string
  readonly isPackage: boolean
  /** `import()` of a value: the target can be a chunk of its own. */
  readonly isLazy: boolean
}

export interface FunctionSize {
  readonly name: string
  readonly line: number
  /** From the first line to the last, nested functions included. */
  readonly lines: number
}

export interface Module {
  /** Below src/, with forward slashes. */
  readonly path: string
  /** The folder, or the name of a file that is loose in src/. */
  readonly room: string
  readonly isTest: boolean
  readonly lines: number
  readonly imports: readonly Import[]
  /** Every const, function, class, type, interface and enum that is declared at the top level. */
  readonly names: readonly string[]
  readonly functions: readonly FunctionSize[]
  /** Names that no scope of the file declares, and that some expression uses. */
  readonly globals: ReadonlySet<string>
  readonly onlyReexports: boolean
}

/** An ESTree node, as far as a walk needs to know it. */
interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [field: string]: unknown
}

const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string'
const child = (node: Node, field: string): Node | undefined => {
  const value = node[field]
  return isNode(value) ? value : undefined
}
const list = (node: Node, field: string): readonly Node[] => {
  const value = node[field]
  return Array.isArray(value) ? value.filter(isNode) : []
}
const children = (node: Node): readonly Node[] =>
  Object.values(node).flatMap((value) => (Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : []))

export const roomOf = (path: string): string =>
  path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.\w+$/, '')

/** Reads every module below `root`/src. */
export function surveyHouse(root: string): readonly Module[] {
  const folder = join(root, 'src')
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.tsx?$/.test(path))
    .sort()
    .map((path) => surveyModule(folder, path))
}

/** What a file outside of src/ imports from it, as paths below src/. */
export function importsFrom(root: string, file: string): readonly string[] {
  const program = parseSync(file, readFileSync(join(root, file), 'utf8')).program as unknown as Node
  return importsOf(program).map(({ source }) => {
    const { target } = resolveImport(root, file, source)
    return target.startsWith('src/') ? target.slice('src/'.length) : target
  })
}

function surveyModule(folder: string, path: string): Module {
  const text = readFileSync(join(folder, path), 'utf8')
  const parsed = parseSync(path, text)
  if (parsed.errors.length > 0) throw new Error(`${path} does not parse: ${parsed.errors[0]?.message}`)
  const program = parsed.program as unknown as Node
  const body = list(program, 'body')
  const lineOf = lineCounter(text)
  return {
    path,
    room: roomOf(path),
    isTest: /\.test(-d)?\.tsx?$/.test(path),
    lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0),
    imports: importsOf(program).map(({ source, isLazy }) => ({ ...resolveImport(folder, path, source), isLazy })),
    names: [...new Set(body.flatMap(declaredBy))],
    functions: functionsOf(program, lineOf),
    globals: globalsOf(program),
    // A directive is `'use client'`, for example.
    onlyReexports: body.every(({ type, source, directive }) => (/^Export/.test(type) && source) || directive),
  }
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0]
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1)) starts.push(index + 1)
  return (offset) => {
    let [low, high] = [0, starts.length]
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle
      else high = middle
    }
    return low + 1
  }
}

/** Static, dynamic and type-only imports, and re-exports. */
function importsOf(node: Node): { readonly source: string; readonly isLazy: boolean }[] {
  const below = children(node).flatMap(importsOf)
  const source = child(node, 'source')?.['value']
  const isImport = /^(Import|Export(Named|All)Declaration|TSImportType)/.test(node.type)
  return isImport && typeof source === 'string'
    ? [{ source, isLazy: node.type === 'ImportExpression' }, ...below]
    : below
}

function resolveImport(folder: string, from: string, source: string): Pick<Import, 'target' | 'isPackage'> {
  if (!source.startsWith('.')) return { target: source, isPackage: true }
  const stem = posix.join(dirname(from), source).replace(/\.jsx?$/, '')
  const extension = ['.ts', '.tsx'].find((ending) => existsSync(join(folder, stem + ending))) ?? ''
  return { target: stem + extension, isPackage: false }
}

/** The names that a statement declares. */
function declaredBy(node: Node): readonly string[] {
  if (/^Export(Named|Default)Declaration$/.test(node.type)) {
    const declaration = child(node, 'declaration')
    return declaration ? declaredBy(declaration) : []
  }
  // An ambient declaration only describes what is declared elsewhere.
  if (node['declare'] === true) return []
  if (node.type === 'VariableDeclaration')
    return list(node, 'declarations').flatMap((one) => boundBy(child(one, 'id') ?? one))
  const id = /(Function|Class|TSInterface|TSTypeAlias|TSEnum|TSModule)\w*$/.test(node.type) && child(node, 'id')
  return id && id.type === 'Identifier' ? [id['name'] as string] : []
}

/** The names that a pattern binds. */
function boundBy(pattern: Node): readonly string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern['name'] as string]
    case 'AssignmentPattern':
      return boundBy(child(pattern, 'left') ?? pattern)
    case 'RestElement':
      return boundBy(child(pattern, 'argument') ?? pattern)
    case 'ArrayPattern':
      return list(pattern, 'elements').flatMap(boundBy)
    case 'ObjectPattern':
      return list(pattern, 'properties').flatMap((one) => boundBy(child(one, 'value') ?? one))
    case 'TSParameterProperty':
      return boundBy(child(pattern, 'parameter') ?? pattern)
    default:
      return []
  }
}

const isFunction = (node: Node) => /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type)

/** Names come from the function itself, or from what it is assigned to. */
function functionsOf(program: Node, lineOf: (offset: number) => number): FunctionSize[] {
  const found: FunctionSize[] = []
  const visit = (node: Node, given: string | undefined, outer: string) => {
    const own = child(node, 'id') ?? child(node, 'key')
    const name = own?.type === 'Identifier' ? (own['name'] as string) : undefined
    if (isFunction(node)) {
      const line = lineOf(node.start)
      found.push({ name: name ?? given ?? `a function in ${outer}`, line, lines: lineOf(node.end - 1) - line + 1 })
    }
    for (const inner of children(node)) visit(inner, name, (isFunction(node) ? (name ?? given) : undefined) ?? outer)
  }
  visit(program, undefined, 'the module')
  return found
}

/** TypeScript's wrappers around an expression; every other `TS…` node is a type, which needs nothing at run time. */
const WRAPPERS = /^TS(As|Satisfies|NonNull|TypeAssertion|Instantiation|ExportAssignment|Enum)/

function globalsOf(program: Node): ReadonlySet<string> {
  const globals = new Set<string>()
  const visit = (node: Node, scopes: readonly ReadonlySet<string>[]): void => {
    if (node.type.startsWith('TS') && !WRAPPERS.test(node.type)) return
    if (node.type === 'Identifier') {
      const name = node['name'] as string
      if (!scopes.some((scope) => scope.has(name))) globals.add(name)
      return
    }
    const own = scopeOf(node)
    const inner = own.size > 0 ? [...scopes, own] : scopes
    for (const [field, value] of Object.entries(node)) {
      if (isLabel(node, field)) continue
      for (const next of Array.isArray(value) ? value : [value]) if (isNode(next)) visit(next, inner)
    }
  }
  visit(program, [])
  return globals
}

/** Names of properties and of what is imported or exported are no uses of a variable. */
function isLabel(node: Node, field: string): boolean {
  if (field === 'property' || field === 'key') return node['computed'] !== true
  return /^(Import|Export)(Named|All|Default)?Specifier$|^(ImportDeclaration|ImportNamespaceSpecifier|MetaProperty)$/.test(
    node.type,
  )
}

/** What a node declares for everything below it. */
function scopeOf(node: Node): ReadonlySet<string> {
  const names = new Set<string>()
  const add = (more: readonly string[]) => {
    for (const name of more) names.add(name)
  }
  if (isFunction(node) || node.type === 'ClassExpression') {
    const id = child(node, 'id')
    if (id) add(boundBy(id))
    for (const parameter of list(node, 'params')) add(boundBy(parameter))
  }
  for (const statement of list(node, 'body')) {
    add(declaredBy(statement))
    if (statement.type === 'ImportDeclaration')
      for (const one of list(statement, 'specifiers')) add(boundBy(child(one, 'local') ?? one))
  }
  for (const statement of list(node, 'consequent')) add(declaredBy(statement))
  for (const field of ['init', 'left'] as const) {
    const declaration = child(node, field)
    if (declaration?.type === 'VariableDeclaration') add(declaredBy(declaration))
  }
  const caught = node.type === 'CatchClause' && child(node, 'param')
  if (caught) add(boundBy(caught))
  return names
}
