/** The shapes of printing's answers, taken from the routes. */
import type { paths } from '../../api/schema'

type Json<R> = R extends { content: { 'application/json': infer T } } ? T : never
type Got<Path extends keyof paths> = paths[Path] extends { get: { responses: { 200: infer R } } }
  ? Json<R>
  : never

export type Batch = Got<'/v1/print-batches/{id}'>
export type PrintedCard = Got<'/v1/print-batches/{id}/cards'>['items'][number]
export type Design = Got<'/v1/designs/{id}'>
export type Queue = Got<'/v1/print-queue'>

/** Red, green and amber mean wrong, right and waiting. */
export const BATCH_COLOR: Record<string, string> = {
  made: 'gray',
  sent: 'amber',
  received: 'amber',
  handed_out: 'green',
}
export const ITEM_COLOR: Record<string, string> = { in_print: 'amber', handed_out: 'green', spoiled: 'red' }

/** Who may do what in print; the server decides. */
export const MAY_PRINT = ['administrator', 'issuer']
export const MAY_HAND_OUT = ['administrator', 'issuer', 'chair']

/** Dots an inch that faces are drawn at; the first is the usual one. */
export const DPI = ['300', '600'] as const
