//! One posting after another, its purchase judged twice, into the figures. Pure.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveDate, Utc};
use shared_kernel::ids::MemberId;
use shared_kernel::money::Money;

use super::past::{Event, PastPurchase, Placed, Reduction, Step, bucket};
use super::plan::{Plan, draft_place};
use super::report::{
    Bin, Bounds, Cost, Counts, Distribution, FunderCost, LimitBite, PER_MEMBER, PER_PURCHASE, PartnerCost,
    Report, RuleCost, Stretch,
};
use crate::days::{date_in, wall_clock};
use crate::ids::{PartnerId, PurchaseId, RuleId};
use crate::posting::Audience;
use crate::posting::decide::{funder_parts, room_of, use_room};
use crate::posting::world::World;
use crate::purchases::{Applied, CashbackReason, Judgement};
use crate::refunds::residual::rules_left;
use crate::rules::book::Version;
use crate::rules::evaluate::{Limit, Occasion, Room, WhyNot, judge};
use crate::rules::judge::judged;
use crate::rules::terms::Funder;
use crate::two_step::with_room;

/// Stretches are days up to so many of them, months beyond.
const DAYS_MAX: i64 = 62;

/// Before and after.
const BEFORE: usize = 0;
const AFTER: usize = 1;
type Sides<T> = [T; 2];

/// See the module.
pub(super) struct Simulation<'p> {
    plan: &'p Plan,
    by_month: bool,
    /// Used caps of each side.
    worlds: Sides<World>,
    /// What each side announced of purchases that are captured later.
    announced: HashMap<PurchaseId, Sides<Judgement>>,
    /// Room of each side that refunds still to come give back, by their postings.
    returns: Sides<BTreeMap<(Placed, u64), Return<'p>>>,
    returned: u64,
    cost: Sides<i64>,
    posted: i64,
    purchases: Counts,
    members: HashMap<MemberId, Person>,
    partners: HashMap<PartnerId, Part>,
    funders: BTreeMap<(&'static str, String), Sides<i64>>,
    rules: HashMap<RuleId, RulePart>,
    bites: HashMap<(RuleId, Limit), Bite>,
    per_purchase: Vec<Bin>,
    series: BTreeMap<NaiveDate, Part>,
}

/// Room that a refund gives back.
struct Return<'p> {
    version: &'p Version,
    member: MemberId,
    date: NaiveDate,
    amount: Money,
}

#[derive(Default)]
struct Person {
    sums: Sides<i64>,
    affected: bool,
}

#[derive(Default)]
struct Part {
    purchases: u64,
    affected: u64,
    sums: Sides<i64>,
}

#[derive(Default)]
struct RulePart {
    name: String,
    partner: Option<PartnerId>,
    sums: Sides<i64>,
    purchases: Sides<u64>,
}

struct Bite {
    name: String,
    purchases: u64,
    first_at: DateTime<Utc>,
    trimmed: i64,
}

impl<'p> Simulation<'p> {
    pub(super) fn new(plan: &'p Plan, used: World) -> Self {
        let same = World { caps: used.caps.clone(), budgets: used.budgets.clone(), ..World::default() };
        Self {
            plan,
            by_month: (plan.to - plan.from).num_days() >= DAYS_MAX,
            worlds: [used, same],
            announced: HashMap::new(),
            returns: [BTreeMap::new(), BTreeMap::new()],
            returned: 0,
            cost: [0; 2],
            posted: 0,
            purchases: Counts { total: 0, affected: 0 },
            members: HashMap::new(),
            partners: HashMap::new(),
            funders: BTreeMap::new(),
            rules: HashMap::new(),
            bites: HashMap::new(),
            per_purchase: PER_PURCHASE.bins(),
            series: BTreeMap::new(),
        }
    }

    /// Judges the next posting's purchase.
    pub(super) fn take(&mut self, event: &Event, audience: &Audience, tier: Option<&str>) {
        let (plan, purchase) = (self.plan, &event.purchase);
        self.give_back(event.placed);
        let Some(outlet) = plan.book.outlet_by_number(purchase.outlet) else { return };
        let occasion = Occasion {
            date: date_in(plan.book.zone, purchase.occurred_at),
            wall_clock: wall_clock(outlet.tz(), purchase.occurred_at),
            outlet: &outlet.code,
            amount: purchase.amount,
            paid: purchase.amount - purchase.redeemed,
            lines: purchase.lines.as_deref(),
            excluded: plan.book.excluded_categories(purchase.occurred_at),
            audience,
            tier,
        };
        let partner = outlet.partner_id;
        let mut given = [0; 2];
        if purchase.reason.is_none_or(CashbackReason::is_of_rules) {
            let before: Vec<&Version> = plan.before(partner, purchase.occurred_at).collect();
            let after: Vec<&Version> = plan.after(partner, purchase.occurred_at).collect();
            let judgements = self.judgements(event, [&before, &after], &occasion);
            if event.step == Step::Authorise {
                self.announced.insert(purchase.id, judgements);
                return;
            }
            let [was, would] = judgements;
            given = [
                self.side(BEFORE, purchase, (&was, &before), &occasion),
                self.side(AFTER, purchase, (&would, &after), &occasion),
            ];
        }
        if event.step != Step::Authorise {
            self.count(purchase, (partner, occasion.date), given);
        }
    }

    /// How each side judges: a capture what was announced, with the room there is by now.
    fn judgements(
        &mut self,
        event: &Event,
        versions: Sides<&[&Version]>,
        occasion: &Occasion<'_>,
    ) -> Sides<Judgement> {
        let announced = match event.step {
            Step::Capture => self.announced.remove(&event.purchase.id),
            Step::Purchase | Step::Authorise => None,
        };
        let [was, would] = announced.map_or([None, None], |announced| announced.map(Some));
        let [before, after] = versions;
        let [world_before, world_after] = &self.worlds;
        [(was, before, world_before), (would, after, world_after)].map(|(announced, versions, world)| {
            let room = |version: &Version| room_of(world, version, event.purchase.member, occasion.date);
            match announced {
                Some(announced) => with_room(announced, |rule, _| find(versions, rule), room),
                None => judged(versions.iter().copied(), occasion, room),
            }
        })
    }

    /// Gives back the room of refunds that were posted before a posting.
    fn give_back(&mut self, before: Placed) {
        for (world, returns) in self.worlds.iter_mut().zip(&mut self.returns) {
            while let Some(first) = returns.first_entry().filter(|first| first.key().0 < before) {
                let back = first.remove();
                use_room(world, back.version, back.member, back.date, -back.amount);
            }
        }
    }

    /// What a side gives, in kopecks.
    fn side(
        &mut self,
        side: usize,
        purchase: &PastPurchase,
        (judgement, versions): (&Judgement, &[&'p Version]),
        occasion: &Occasion<'_>,
    ) -> i64 {
        let (Some(world), Some(returns)) = (self.worlds.get_mut(side), self.returns.get_mut(side)) else {
            return 0;
        };
        let (member, date) = (purchase.member, occasion.date);
        for applied in &judgement.applied {
            if let Some(version) = find(versions, applied.rule) {
                use_room(world, version, member, date, Money::from_kopecks(applied.given_kopecks));
            }
        }
        let mut kept = given(judgement);
        for (refund, left) in lefts(purchase, judgement, versions) {
            for ((applied, was), is) in judgement.applied.iter().zip(&kept).zip(&left) {
                let Some(version) = find(versions, applied.rule) else { continue };
                let amount = *was - *is;
                match refund {
                    Some(placed) => {
                        self.returned += 1;
                        let back = Return { version, member, date, amount };
                        returns.insert((placed, self.returned), back);
                    }
                    None => use_room(world, version, member, date, -amount),
                }
            }
            kept = left;
        }
        let mut sum = 0;
        for (applied, kept) in judgement.applied.iter().zip(&kept) {
            let Some(version) = find(versions, applied.rule) else { continue };
            sum += kept.kopecks();
            let part = self.rules.entry(version.rule).or_default();
            name(part, version, side);
            if let (Some(sum), Some(count)) = (part.sums.get_mut(side), part.purchases.get_mut(side)) {
                *sum += kept.kopecks();
                *count += 1;
            }
            for (funding, amount) in version.terms.funding.iter().zip(funder_parts(version, *kept)) {
                let funder = match &funding.by {
                    Funder::Partner => ("partner", self.plan.partner_code(version.partner)),
                    Funder::Organisation(code) => ("organisation", code.clone()),
                };
                if let Some(sum) = self.funders.entry(funder).or_default().get_mut(side) {
                    *sum += amount.kopecks();
                }
            }
        }
        if side == AFTER {
            self.bites(purchase, judgement, versions, occasion);
        }
        sum
    }

    /// Where limits left less than was earned.
    fn bites(
        &mut self,
        purchase: &PastPurchase,
        judgement: &Judgement,
        versions: &[&Version],
        occasion: &Occasion<'_>,
    ) {
        let mut bite = |version: &Version, limit: Limit, trimmed: i64| {
            let bite = self.bites.entry((version.rule, limit)).or_insert_with(|| Bite {
                name: version.terms.name.clone(),
                purchases: 0,
                first_at: purchase.occurred_at,
                trimmed: 0,
            });
            bite.purchases += 1;
            bite.trimmed += trimmed;
        };
        for applied in &judgement.applied {
            if let Some((limit, version)) = applied.trimmed_by.zip(find(versions, applied.rule)) {
                bite(version, limit, applied.earned_kopecks - applied.given_kopecks);
            }
        }
        for declined in &judgement.declined {
            let limit = match declined.why {
                WhyNot::CapReached => Limit::PerMember,
                WhyNot::BudgetSpent => Limit::Budget,
                WhyNot::PaidReached => Limit::Paid,
                _ => continue,
            };
            if let Some(version) = find(versions, declined.rule)
                && let Ok(grant) = judge(&version.terms, occasion, Room::default())
            {
                bite(version, limit, grant.earned.kopecks());
            }
        }
    }

    fn count(&mut self, purchase: &PastPurchase, (partner, date): (PartnerId, NaiveDate), given: Sides<i64>) {
        let [before, after] = given;
        let affected = before != after;
        self.purchases.total += 1;
        self.purchases.affected += u64::from(affected);
        self.posted += purchase.cashback_left.kopecks();
        let person = self.members.entry(purchase.member).or_default();
        person.affected |= affected;
        let stretch = self.series.entry(bucket(date, self.by_month)).or_default();
        let part = self.partners.entry(partner).or_default();
        for part in [stretch, part] {
            part.purchases += 1;
            part.affected += u64::from(affected);
            add(&mut part.sums, given);
        }
        add(&mut self.cost, given);
        add(&mut person.sums, given);
        into_bins(&mut self.per_purchase, &PER_PURCHASE, given);
    }

    /// The figures.
    pub(super) fn report(self) -> Report {
        let mut per_member = PER_MEMBER.bins();
        for person in self.members.values() {
            into_bins(&mut per_member, &PER_MEMBER, person.sums);
        }
        let affected = self.members.values().filter(|person| person.affected).count();
        let [before, after] = self.cost.map(Money::from_kopecks);
        Report {
            from: self.plan.from,
            to: self.plan.to,
            partner: self.plan.partner.clone(),
            dates_left_out: self.plan.dates_left_out,
            cost: Cost {
                before,
                after,
                difference: after - before,
                posted: Money::from_kopecks(self.posted),
            },
            purchases: self.purchases,
            members: Counts { total: whole(self.members.len()), affected: whole(affected) },
            partners: partners(self.plan, &self.partners),
            funders: funders(self.funders),
            rules: rules(self.plan, self.rules),
            limits: limits(self.bites),
            distribution: Distribution { per_purchase: self.per_purchase, per_member },
            series: self
                .series
                .into_iter()
                .map(|(from, part)| {
                    let [before, after] = part.sums.map(Money::from_kopecks);
                    Stretch { from, purchases: part.purchases, before, after }
                })
                .collect(),
        }
    }
}

impl Plan {
    fn partner_code(&self, id: PartnerId) -> String {
        self.book.partner(id).map(|partner| partner.code.clone()).unwrap_or_default()
    }
}

fn find<'v>(versions: &[&'v Version], rule: RuleId) -> Option<&'v Version> {
    versions.iter().copied().find(|version| version.rule == rule)
}

/// The name it would have counts, where there are two.
fn name(part: &mut RulePart, version: &Version, side: usize) {
    if part.partner.is_none() || side == AFTER && part.name != version.terms.name {
        part.name.clone_from(&version.terms.name);
        part.partner = Some(version.partner);
    }
}

fn given(judgement: &Judgement) -> Vec<Money> {
    judgement.applied.iter().map(|applied| Money::from_kopecks(applied.given_kopecks)).collect()
}

/// What refunds leave of each rule that applied, one after the other.
fn lefts(
    purchase: &PastPurchase,
    judgement: &Judgement,
    versions: &[&Version],
) -> Vec<(Option<Placed>, Vec<Money>)> {
    let terms = |applied: &Applied| find(versions, applied.rule).map(|version| &version.terms);
    let mut kept = given(judgement);
    let mut lefts = Vec::with_capacity(purchase.reductions.len());
    for Reduction { refund, left } in &purchase.reductions {
        let before = judgement.applied.iter().zip(kept.iter().map(|kept| kept.kopecks()));
        kept = rules_left(before, &left.lines, left.paid, terms);
        lefts.push((*refund, kept.clone()));
    }
    lefts
}

fn add(sums: &mut Sides<i64>, given: Sides<i64>) {
    for (sum, given) in sums.iter_mut().zip(given) {
        *sum += given;
    }
}

fn into_bins(bins: &mut [Bin], bounds: &Bounds, [before, after]: Sides<i64>) {
    if let Some(bin) = bins.get_mut(bounds.place(before)) {
        bin.before += 1;
    }
    if let Some(bin) = bins.get_mut(bounds.place(after)) {
        bin.after += 1;
    }
}

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn partners(plan: &Plan, parts: &HashMap<PartnerId, Part>) -> Vec<PartnerCost> {
    let mut partners: Vec<PartnerCost> = parts
        .iter()
        .filter_map(|(id, part)| {
            let partner = plan.book.partner(*id)?;
            let [before, after] = part.sums.map(Money::from_kopecks);
            Some(PartnerCost {
                code: partner.code.clone(),
                name: partner.name.clone(),
                purchases: Counts { total: part.purchases, affected: part.affected },
                before,
                after,
            })
        })
        .collect();
    partners.sort_by(|a, b| b.after.cmp(&a.after).then_with(|| a.code.cmp(&b.code)));
    partners
}

fn funders(sums: BTreeMap<(&'static str, String), Sides<i64>>) -> Vec<FunderCost> {
    sums.into_iter()
        .map(|((kind, code), sums)| {
            let [before, after] = sums.map(Money::from_kopecks);
            FunderCost { kind, code, before, after }
        })
        .collect()
}

fn stored_or_draft(rule: RuleId) -> (Option<RuleId>, Option<usize>) {
    let draft = draft_place(rule);
    (Some(rule).filter(|_| draft.is_none()), draft)
}

fn rules(plan: &Plan, parts: HashMap<RuleId, RulePart>) -> Vec<RuleCost> {
    let mut rules: Vec<RuleCost> = parts
        .into_iter()
        .map(|(rule, part)| {
            let (id, draft) = stored_or_draft(rule);
            let [before, after] = part.sums.map(Money::from_kopecks);
            let [purchases_before, purchases_after] = part.purchases;
            let partner = part.partner.map(|partner| plan.partner_code(partner)).unwrap_or_default();
            RuleCost { id, draft, name: part.name, partner, before, purchases_before, after, purchases_after }
        })
        .collect();
    rules.sort_by(|a, b| b.after.cmp(&a.after).then_with(|| (a.draft, a.id).cmp(&(b.draft, b.id))));
    rules
}

fn limits(bites: HashMap<(RuleId, Limit), Bite>) -> Vec<LimitBite> {
    let mut limits: Vec<LimitBite> = bites
        .into_iter()
        .map(|((rule, limit), bite)| {
            let (id, draft) = stored_or_draft(rule);
            LimitBite {
                id,
                draft,
                name: bite.name,
                limit,
                purchases: bite.purchases,
                first_at: bite.first_at,
                trimmed: Money::from_kopecks(bite.trimmed),
            }
        })
        .collect();
    limits.sort_by(|a, b| b.trimmed.cmp(&a.trimmed).then_with(|| (a.draft, a.id).cmp(&(b.draft, b.id))));
    limits
}
