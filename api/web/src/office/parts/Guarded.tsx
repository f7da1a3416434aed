/** Says who may, instead of a page of refusals, to who can't see a section. */
import type { ReactNode } from 'react'
import { Problem } from '../../api/problem'
import { ProblemNote } from '../../ui/states'
import { useWords } from '../../ui/words'
import { ALLOWED, maySee, type Section } from '../sections'
import { useStaff } from '../staff'
import { PageHead } from './PageHead'

export function Guarded({ section, children }: { section: Section; children: ReactNode }) {
  const { t } = useWords()
  const { role } = useStaff()
  if (!maySee(role, section)) {
    return (
      <>
        <PageHead title={t(`nav.${section}`)} />
        <ProblemNote error={new Problem(403, {})} allowed={ALLOWED[section]} />
      </>
    )
  }
  return children
}
