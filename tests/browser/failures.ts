/** The last words of a run: of each story that failed, what was wrong, so that the end of a log tells it. */
import type { Reporter, TestCase, TestResult } from '@playwright/test/reporter'

/** What a terminal colours its text with. */
const COLOURS = /\u001b\[[\d;]*m/g

export default class Failures implements Reporter {
  private readonly told: string[] = []

  onTestEnd(test: TestCase, { status, errors }: TestResult): void {
    if (status === test.expectedStatus) return
    const words = errors.map(({ message }) => (message ?? '').replace(COLOURS, ''))
    this.told.push([`${test.location.file}:${test.location.line} ${test.title}`, ...words].join('\n'))
  }

  onEnd(): void {
    if (this.told.length > 0) console.log(`\nWhat was wrong:\n\n${this.told.join('\n\n')}`)
  }
}
