/**
 * The compiler's messages about rules. `Rule` types the right ones, and the types here name the mistake in a wrong one.
 * Of a union, the compiler would only say that no member fits.
 */
import type { DeclaredRule } from './rule.js'
import type { ScopedTarget } from './target.js'

/** For each rule `unknown`, or a sentence that says what is wrong. The renaming keeps the compiler from inferring `Given` here. */
export type CheckedRules<Given> = { readonly [E in keyof Given as E]: Verdict<FaultOfRule<Given[E]>> }

type Verdict<Fault> = [Fault] extends [never] ? unknown : Fault

type FaultOfRule<R> = R extends { readonly targets: infer T }
  ?
      | AtTargets<FaultOfTargets<ResultOf<T>, R extends { readonly touches: readonly (infer P)[] } ? P : unknown>>
      | (R extends { readonly touches: string } ? `touches is a list: ['${R['touches']}'].` : never)
      | Foreign<'rule', Exclude<keyof R, keyof DeclaredRule<unknown>>, 'touches, schema, againMs and targets'>
  : FaultOfTargets<ResultOf<R>, unknown>

type AtTargets<Fault> = [Fault] extends [never] ? never : { readonly targets: Fault }

type ResultOf<T> = T extends (...given: never) => infer Result ? Result : T

/** `P`: the prefixes that may be reached. Unknown means all. */
type FaultOfTargets<T, P> =
  IsAny<T> extends true
    ? never
    : T extends PromiseLike<unknown>
      ? 'A rule gives its targets at once, not a promise.'
      : T extends readonly unknown[]
        ? IsKey<T> extends true
          ? `An array is a list of targets. A single key is written [[${Shown<T[0]>}, …]].`
          : FaultOfTarget<T[number], P>
        : FaultOfTarget<T, P>

type IsAny<T> = 0 extends 1 & T ? true : false

/** Whether a list begins with a literal and goes on with data: a key was meant. */
type IsKey<T extends readonly unknown[]> = number extends T['length']
  ? false
  : T extends readonly [infer Head extends string, ...infer Rest]
    ? string extends Head
      ? false
      : true extends IsData<Rest[number]>
        ? true
        : false
    : false

type IsData<T> = T extends string
  ? string extends T
    ? true
    : false
  : T extends number | bigint | boolean
    ? true
    : false

type FaultOfTarget<T, P> =
  IsAny<T> extends true
    ? never
    : T extends string
      ? string extends T
        ? never
        : T extends ''
          ? never
          : FaultOfKey<readonly [T], P>
      : T extends readonly unknown[]
        ? FaultOfKey<T, P>
        : T extends { readonly queryKey: infer K extends readonly unknown[] }
          ? FaultOfField<Exclude<keyof T, keyof ScopedTarget>> | FaultOfKey<K, P>
          : 'A target is a string, a query key or { queryKey, scope }.'

/** The options of a query (with a `queryFn`) are a target too. */
type FaultOfField<F> = 'queryFn' extends F ? never : Foreign<'target', F, 'queryKey and scope'>

type Foreign<What extends string, F, Known extends string> = F extends string
  ? `A ${What} has no field '${F}', only ${Known}.`
  : never

type FaultOfKey<K extends readonly unknown[], P> = K extends readonly []
  ? 'An empty key would match every query.'
  : unknown extends P
    ? never
    : true extends (P extends readonly unknown[] ? BeginsWith<K, P> : BeginsWith<K, readonly [P]>)
      ? never
      : `[${Shown<K[0]>}${K extends readonly [unknown] ? '' : ', …'}] is outside of touches. Add its beginning to touches, or correct the target.`

type Shown<T> = T extends string ? (string extends T ? '…' : `'${T}'`) : T extends number | boolean ? `${T}` : '…'

/** Whether a key can begin with a prefix, as far as the types tell. */
type BeginsWith<K, P> = P extends readonly [infer First, ...infer Rest]
  ? K extends readonly [infer Head, ...infer Tail]
    ? CanEqual<Head, First> extends false
      ? false
      : BeginsWith<Tail, Rest>
    : K extends readonly []
      ? false
      : true
  : true

type Primitive = string | number | boolean | null

/** A number and its text are the same. */
type CanEqual<A, B> = A extends Primitive
  ? B extends Primitive
    ? `${A}` extends `${B}`
      ? true
      : `${B}` extends `${A}`
        ? true
        : false
    : true
  : A extends readonly unknown[]
    ? BeginsWith<A, B>
    : true
