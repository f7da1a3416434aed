import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Texts } from '../ui/i18n'
import docsEn from './en/docs'
import memberEn from './en/member'
import officeEn from './en/office'
import tillEn from './en/till'
import docsRu from './ru/docs'
import memberRu from './ru/member'
import officeRu from './ru/office'
import tillRu from './ru/till'

const PLURAL = /_(one|few|many|other)$/

/** Every key, plural forms as one. */
function keys(texts: Texts, before = ''): Set<string> {
  const found = new Set<string>()
  for (const [key, value] of Object.entries(texts)) {
    if (typeof value === 'string') found.add(`${before}${key}`.replace(PLURAL, ''))
    else for (const inner of keys(value, `${before}${key}.`)) found.add(inner)
  }
  return found
}

function sources(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
}

describe.each([
  ['member', memberRu, memberEn],
  ['till', tillRu, tillEn],
  ['office', officeRu, officeEn],
  ['docs', docsRu, docsEn],
])('texts of %s', (page, ru: Texts, en: Texts) => {
  it('are the same in both languages', () => {
    expect([...keys(en)].sort()).toEqual([...keys(ru)].sort())
  })

  it('have every key the pages ask for', () => {
    const code = sources(`src/${page}`) + sources('src/ui')
    const asked = [...code.matchAll(/\bt\('([\w.-]+)'/g)].map((found) => found[1] ?? '')
    const known = keys(ru)
    expect(asked.length).toBeGreaterThan(10)
    expect(asked.filter((key) => !known.has(key) && !key.startsWith('signin.'))).toEqual([])
  })

  it('have all forms of a plural', () => {
    const forms = (texts: Texts, kinds: string[]): string[] =>
      Object.entries(texts).flatMap(([key, value]) => {
        if (typeof value !== 'string') return forms(value, kinds)
        if (!key.endsWith('_other')) return []
        return kinds
          .filter((kind) => !(key.replace(PLURAL, `_${kind}`) in texts))
          .map((kind) => `${key}: ${kind}`)
      })
    expect(forms(ru, ['one', 'few', 'many'])).toEqual([])
    expect(forms(en, ['one'])).toEqual([])
  })
})
