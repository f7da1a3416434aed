import { describe, expect, it } from 'vitest'
import { nextReceipt, readCode, shown } from './codeField'

const CODE = '964301482093117694287082'
const NUMBER = '9643014820931176'

describe('the code field', () => {
  it('tells a live code from a number', () => {
    expect(readCode(CODE)).toEqual({ kind: 'code', value: CODE })
    expect(readCode(NUMBER)).toEqual({ kind: 'card', value: NUMBER })
  })

  it('drops blanks and dashes of every kind', () => {
    expect(readCode('9643 0148\u00a02093-1176\u20119428\u202f7082')).toEqual({ kind: 'code', value: CODE })
  })

  it('takes the first line of a scanner', () => {
    expect(readCode(`${CODE}\r\nqwerty`)).toEqual({ kind: 'code', value: CODE })
    expect(readCode(`\r\n${NUMBER}\n`)).toEqual({ kind: 'card', value: NUMBER })
  })

  it('takes a second track, in either layout', () => {
    expect(readCode(`;${NUMBER}=99121010000?`)).toEqual({ kind: 'card', value: NUMBER })
    expect(readCode(`ж${NUMBER}=99121010000,`)).toEqual({ kind: 'card', value: NUMBER })
  })

  it('takes a proof, an EAN-13 and a number of an older system', () => {
    const proof = '1'.repeat(192)
    expect(readCode(`${proof}\n`)).toEqual({ kind: 'proof', value: proof })
    expect(readCode('2010000000006')).toEqual({ kind: 'card', value: '2010000000006' })
    expect(readCode(' псб-00123 ')).toEqual({ kind: 'card', value: 'псб-00123' })
  })

  it('leaves what is no code to the server, and nothing to nobody', () => {
    expect(readCode('https://example.org')).toEqual({ kind: 'code', value: 'https://example.org' })
    expect(readCode('٩٦٤٣٠١٤٨٢٠٩٣١١٧٦')?.kind).toBe('code')
    expect(readCode(' \u00a0\n')).toBeUndefined()
  })

  it('hides the live digits once they are read', () => {
    expect(shown({ kind: 'code', value: CODE })).toBe('9643 0148 2093 1176 ···· ····')
    expect(shown({ kind: 'card', value: NUMBER })).toBe('9643 0148 2093 1176')
  })
})

describe('the next receipt', () => {
  it('is one higher, as wide as the last', () => {
    expect(nextReceipt('000418-26')).toBe('000418-27')
    expect(nextReceipt('A-0099/b')).toBe('A-0100/b')
    expect(nextReceipt('999')).toBe('1000')
    expect(nextReceipt('none')).toBe('')
    expect(nextReceipt(undefined)).toBe('')
  })
})
