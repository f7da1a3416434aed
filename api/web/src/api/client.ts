/** The generated client with the page's session, and one way to ask: the data, or a thrown `Problem`. */
import createClient from 'openapi-fetch'
import { Problem, problemOf } from './problem'
import type { paths } from './schema'
import { sessionFetch } from './session'

export const api = createClient<paths>({ baseUrl: location.origin, fetch: sessionFetch })

/** After so long without an answer a page goes on with what it keeps itself. */
export const PATIENCE_MS = 4_000

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** Unwraps an answer. */
export async function ask<T>(answer: Promise<Answer<T>>): Promise<NonNullable<T>> {
  return (await askWhole(answer)).data
}

/** Unwraps an answer and keeps the response, for its headers. */
export async function askWhole<T>(
  answer: Promise<Answer<T>>,
): Promise<{ data: NonNullable<T>; response: Response }> {
  let got: Answer<T>
  try {
    got = await answer
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(0, { detail: error instanceof Error ? error.message : '' })
  }
  if (!got.response.ok) throw problemOf(got.response, got.error)
  return { data: (got.data ?? {}) as NonNullable<T>, response: got.response }
}
