/** The OpenAPI document as the reference draws it: operations by group, and types in words. */

export interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  description?: string
  enum?: unknown[]
  example?: unknown
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  allOf?: Schema[]
  oneOf?: Schema[]
  anyOf?: Schema[]
  additionalProperties?: Schema | boolean
}

export interface Parameter {
  name: string
  in: string
  required?: boolean
  description?: string
  schema?: Schema
}

export interface Answer {
  description?: string
  content?: Record<string, { schema?: Schema }>
}

export interface Operation {
  operationId: string
  summary?: string
  description?: string
  tags?: string[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, { schema?: Schema }> }
  responses: Record<string, Answer>
}

export interface ApiDocument {
  info: { title: string; version: string; description?: string }
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

/** An operation with where it lives. */
export interface Route extends Operation {
  method: string
  path: string
}

export interface Group {
  tag: string
  routes: Route[]
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete']

/** The operations by their first tag, in the document's order. */
export function groupsOf(document: ApiDocument): Group[] {
  const groups = new Map<string, Route[]>()
  for (const [path, operations] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      const operation = operations[method]
      if (!operation) continue
      const tag = operation.tags?.[0] ?? ''
      groups.set(tag, [...(groups.get(tag) ?? []), { ...operation, method, path }])
    }
  }
  return [...groups].map(([tag, routes]) => ({ tag, routes }))
}

function textOf({
  method,
  path,
  tags,
  summary,
  description,
  parameters,
  requestBody,
  responses,
}: Route): string {
  const contents = [requestBody, ...Object.values(responses)].flatMap((one) =>
    Object.values(one?.content ?? {}),
  )
  return [
    method,
    path,
    summary,
    description,
    ...(tags ?? []),
    ...(parameters ?? []).flatMap((parameter) => [parameter.name, parameter.description]),
    ...contents.map(({ schema }) => typeOf(schema)),
  ].join(' ')
}

/** What of the groups holds every word of the query, in path, texts, parameters or the names of its shapes. */
export function found(groups: Group[], query: string): Group[] {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return groups
  return groups
    .map(({ tag, routes }) => ({
      tag,
      routes: routes.filter((route) => {
        const text = textOf(route).toLowerCase()
        return words.every((word) => text.includes(word))
      }),
    }))
    .filter(({ routes }) => routes.length > 0)
}

const nameOf = (ref: string) => ref.slice(ref.lastIndexOf('/') + 1)
const isNull = (schema: Schema) => schema.type === 'null'

/** The type of a value in a few words: `string (uuid)`, `Card[]`, `{ [key]: integer } | null`. */
export function typeOf(schema: Schema | undefined): string {
  if (!schema) return 'any'
  if (schema.$ref) return nameOf(schema.$ref)
  const variants = schema.oneOf ?? schema.anyOf
  if (variants) return variants.map(typeOf).join(' | ')
  if (schema.allOf) return schema.allOf.map(typeOf).join(' & ')
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? 'any']
  return types.map((type) => plainType(type, schema)).join(' | ')
}

function plainType(type: string, schema: Schema): string {
  if (type === 'array') {
    const inner = typeOf(schema.items)
    return inner.includes(' ') ? `(${inner})[]` : `${inner}[]`
  }
  if (type === 'object' && typeof schema.additionalProperties === 'object') {
    return `{ [key]: ${typeOf(schema.additionalProperties)} }`
  }
  return type !== 'null' && schema.format ? `${type} (${schema.format})` : type
}

export interface Property {
  name: string
  schema: Schema
  required: boolean
}

/** The fields of an object, through references, lists and parts put together; none of anything else. */
export function propertiesOf(schema: Schema | undefined, document: ApiDocument): Property[] {
  if (!schema) return []
  if (schema.$ref) return propertiesOf(document.components?.schemas?.[nameOf(schema.$ref)], document)
  if (schema.allOf) return schema.allOf.flatMap((part) => propertiesOf(part, document))
  const only = (schema.oneOf ?? schema.anyOf)?.filter((variant) => !isNull(variant))
  if (only?.length === 1) return propertiesOf(only[0], document)
  if (schema.items) return propertiesOf(schema.items, document)
  if (typeof schema.additionalProperties === 'object')
    return propertiesOf(schema.additionalProperties, document)
  return Object.entries(schema.properties ?? {}).map(([name, inner]) => ({
    name,
    schema: inner,
    required: schema.required?.includes(name) ?? false,
  }))
}
