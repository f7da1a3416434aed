import { describe, expect, it } from 'vitest'
import { percentOf } from '../percent'
import { errorAt, formOf, NEW_RULE, ruleOf, shareOfOne, unreadable } from './form'

describe('the rules editor', () => {
  it('leaves out what is left empty', () => {
    expect(ruleOf({ ...NEW_RULE, name: ' Осень ', partner: 'market' })).toEqual({
      name: 'Осень',
      partner: 'market',
      priority: 0,
      stacking: 'exclusive',
      when: {},
      earn: { percent: '5' },
      caps: {},
      funding: [{ by: 'partner', share: '1' }],
      hold_days: 14,
      life_months: 12,
    })
  })

  it('brings a full rule there and back', () => {
    const rule = {
      name: 'Учебники',
      partner: 'books',
      priority: -3,
      stacking: 'additive',
      when: {
        from: '2026-01-01',
        until: '2026-12-31',
        days: ['mon', 'sun'],
        hours: ['22:00', '06:00'],
        outlets: ['books-1'],
        categories: ['textbooks'],
        except_categories: ['toys'],
        least_amount: '100.00',
        members: {
          organisation: 'R-059',
          categories: ['worker'],
          age: [14, 35],
          member_for_months: 6,
          tier: 'gold',
        },
      },
      earn: { ladder: [{ from: '0.00', percent: '1' }] },
      caps: {
        per_purchase: '500.00',
        per_member: { amount: '1000.00', period: 'month' },
        budget: '100000.00',
      },
      funding: [
        { by: 'partner', share: '0.6' },
        { by: 'R-059', share: '0.4' },
      ],
      hold_days: 3,
      life_months: null,
    }
    expect(ruleOf(formOf(rule))).toEqual(rule)
  })

  it('takes amounts as people type them', () => {
    const form = { ...NEW_RULE, earn: 'fixed' as const, fixed: '1 437,83', least: '12,5', budget: 'много' }
    const rule = ruleOf(form)
    expect(rule.earn).toEqual({ fixed: '1437.83' })
    expect(rule.when?.least_amount).toBe('12.50')
    expect(rule.caps?.budget).toBe('много')
  })

  it('makes no number of what is none, and says where', () => {
    const typed = {
      priority: '1,5',
      ageFrom: 'от 14',
      ageTo: '35 лет',
      memberFor: '1 год',
      hold: '14 дней',
      life: '-12',
    }
    const form = { ...NEW_RULE, ...typed }
    expect(unreadable(form)).toEqual(Object.keys(typed))
    const rule = ruleOf(form)
    expect(rule.when?.members).toBeUndefined()
    for (const name of ['priority', 'hold_days', 'life_months']) expect(rule).not.toHaveProperty(name)
    expect(unreadable({ ...form, forever: true })).not.toContain('life')
  })

  it('leaves an emptied number to the server', () => {
    const form = { ...NEW_RULE, priority: '', hold: ' ', life: '', ageFrom: '14' }
    expect(unreadable(form)).toEqual([])
    const rule = ruleOf(form)
    for (const name of ['priority', 'hold_days', 'life_months']) expect(rule).not.toHaveProperty(name)
    expect(rule.when?.members?.age).toEqual([14, 150])
    expect(ruleOf({ ...form, hold: '0', life: '0', priority: '\u22122' })).toMatchObject({
      hold_days: 0,
      life_months: 0,
      priority: -2,
    })
  })

  it('shifts shares without a float', () => {
    for (const [percent, share] of [
      ['100', '1'],
      ['60', '0.6'],
      ['33.3333', '0.333333'],
      ['0.5', '0.005'],
      ['7', '0.07'],
    ] as const) {
      expect(shareOfOne(percent)).toBe(share)
      expect(percentOf(share)).toBe(percent)
    }
    expect(shareOfOne('33,3333')).toBe('0.333333')
    expect(shareOfOne('x')).toBe('x')
  })

  it('finds a message at the field or below it', () => {
    const errors = [{ pointer: '#/rule/when/days/0', detail: 'нет' }]
    expect(errorAt(errors, 'when/days', 'rule/')).toBe('нет')
    expect(errorAt(errors, 'when/day', 'rule/')).toBeUndefined()
  })
})
