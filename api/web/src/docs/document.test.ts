import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type ApiDocument, found, groupsOf, propertiesOf, typeOf } from './document'

const ours: ApiDocument = JSON.parse(readFileSync('../openapi.json', 'utf8'))
const routes = groupsOf(ours).flatMap((group) => group.routes)

describe('our own document', () => {
  it('gives every operation an id and a group', () => {
    const ids = routes.map(({ operationId }) => operationId)
    expect(new Set(ids).size).toBe(ids.length)
    expect(routes.filter(({ tags }) => !tags?.[0])).toEqual([])
  })

  it('names every part of a path among the parameters', () => {
    const missing = routes.flatMap(({ path, parameters }) =>
      [...path.matchAll(/\{(\w+)\}/g)].filter(([, name]) => !parameters?.some((one) => one.name === name)),
    )
    expect(missing).toEqual([])
  })

  it('refers to nothing that is not there', () => {
    const refs = [...JSON.stringify(ours).matchAll(/#\/components\/schemas\/([\w.]+)/g)].map(
      ([, name]) => name,
    )
    expect(refs.filter((name) => !ours.components?.schemas?.[name ?? ''])).toEqual([])
  })
})

describe('search', () => {
  it('wants every word, in any order', () => {
    const paths = found(groupsOf(ours), 'post REFUNDS').flatMap((group) =>
      group.routes.map(({ path }) => path),
    )
    expect(paths).toEqual(['/v1/purchases/{id}/refunds'])
    expect(found(groupsOf(ours), 'no such thing')).toEqual([])
    expect(found(groupsOf(ours), '  ').flatMap((group) => group.routes)).toHaveLength(routes.length)
  })
})

describe('types', () => {
  it('are told in words', () => {
    expect(typeOf({ type: 'string', format: 'uuid' })).toBe('string (uuid)')
    expect(typeOf({ type: ['string', 'null'], format: 'date' })).toBe('string (date) | null')
    expect(typeOf({ type: 'array', items: { $ref: '#/components/schemas/Card' } })).toBe('Card[]')
    expect(typeOf({ oneOf: [{ type: 'null' }, { $ref: '#/components/schemas/Card' }] })).toBe('null | Card')
    expect(typeOf({ type: 'object', additionalProperties: { type: 'integer' } })).toBe('{ [key]: integer }')
  })

  it('show their fields through lists and parts', () => {
    const card = { properties: { id: { type: 'string' } }, required: ['id'] }
    const document = { ...ours, components: { schemas: { Card: card } } }
    const ref = { $ref: '#/components/schemas/Card' }
    const expected = [{ name: 'id', schema: { type: 'string' }, required: true }]
    expect(propertiesOf({ type: 'array', items: ref }, document)).toEqual(expected)
    expect(propertiesOf({ oneOf: [{ type: 'null' }, ref] }, document)).toEqual(expected)
    expect(propertiesOf({ allOf: [ref, { properties: { at: {} } }] }, document)).toHaveLength(2)
    expect(propertiesOf({ type: 'string' }, document)).toEqual([])
  })
})
